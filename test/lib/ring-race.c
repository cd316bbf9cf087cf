/*
 * A guest that rewrites the page, in a thread of its own, while the back end takes commands out of it. Usage: race COUNT
 * Ends when so many commands were taken and so many refused; with 1 when what was taken is no command. To be compiled with vtpm/backend/serve/ring.c and with sanitizers.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ring.h"

static volatile uint8_t *page;
static atomic_bool over;

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void *guest(void *unused)
{
    static const uint32_t lengths[] = { 0, 9, 10, 12, 12, 12, RING_MOST, RING_MOST + 1, 4096, 0xffffffff };
    uint32_t seed = 1;

    (void)unused;
    while (!atomic_load(&over)) {
        uint32_t length = lengths[next(&seed) % 10], size = lengths[next(&seed) % 10];

        /* Fields one after the other, so that the other side sees halves of two. */
        *(volatile uint32_t *)page = length;
        page[5] = next(&seed) % 8 == 0;
        page[7] = next(&seed) % 8 == 0;
        if (next(&seed) % 2)
            size = length;
        page[10] = size >> 24;
        page[11] = size >> 16;
        page[12] = size >> 8;
        page[13] = size;
        page[4] = next(&seed) % 8 ? 1 : next(&seed);
    }
    return NULL;
}

static void broken(const char *what)
{
    printf("broken: %s\n", what);
    exit(1);
}

int main(int count, char **arguments)
{
    long enough = count > 1 ? atol(arguments[1]) : 1000, taken = 0, refused = 0;
    /* On the heap, so that the sanitizer sees what goes beyond it. */
    struct ring_taken *request = malloc(sizeof(*request));
    uint8_t *response = calloc(1, 2 * RING_MOST);
    /* Between pages that nobody may touch. */
    uint8_t *area = mmap(NULL, 3 * RING_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread;

    page = area + RING_PAGE_SIZE;
    if (mprotect((void *)page, RING_PAGE_SIZE, PROT_READ | PROT_WRITE) < 0 || pthread_create(&thread, NULL, guest, NULL))
        return 2;
    while (taken < enough || refused < enough) {
        switch (ring_take(page, request)) {
        case RING_COMMAND:
            taken++;
            if (request->length < RING_LEAST || request->length > RING_MOST)
                broken("the length of a command");
            if (ring_number(request->command + 2) != request->length)
                broken("the size of a command");
            ring_respond(page, response, taken % (2 * RING_MOST));
            break;
        case RING_REFUSED:
            refused++;
            if (request->code == 0 || !memchr(request->reason, 0, sizeof(request->reason)))
                broken("a refusal");
            ring_respond_code(page, request->code);
            break;
        case RING_CANCELLED:
            ring_give_up(page);
            break;
        case RING_NONE:
            sched_yield();
            break;
        }
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    free(request);
    free(response);
    printf("%ld taken, %ld refused\n", taken, refused);
    return 0;
}
