/* In place of vtpm/frontend/xenbus.c: a vTPM domain that answers each command after a time of the test's choice. */
#include "xenbus.h"

#include <stdint.h>
#include <string.h>
#include <time.h>
#include <xen/xen.h>
#include <xen/io/tpmif.h>

#include "ring.h"

static _Alignas(tpmif_shared_page_t) uint8_t page[RING_PAGE_SIZE];
static uint32_t delay, commands;
static int64_t ready;

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* From now on a response takes so many milliseconds. */
void slow_xenbus_delay(uint32_t value)
{
    delay = value;
}

/* How many commands were submitted. */
uint32_t slow_xenbus_commands(void)
{
    return commands;
}

volatile void *xenbus_page(void)
{
    return page;
}

void xenbus_notify(void)
{
    commands++;
    ready = milliseconds() + delay;
}

/* The response is a success that carries the number of the command. */
static void respond(void)
{
    tpmif_shared_page_t *shared = (tpmif_shared_page_t *)page;
    const uint8_t response[] = { 0x80, 0x01, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, commands };

    if (shared->state != TPMIF_STATE_SUBMIT)
        return;
    memcpy(page + sizeof(*shared), response, sizeof(response));
    shared->length = sizeof(response);
    shared->state = TPMIF_STATE_FINISH;
}

void xenbus_await_event(int limit)
{
    int64_t end = limit < 0 ? ready : milliseconds() + limit;
    const struct timespec moment = { .tv_nsec = 1000000 };

    while (milliseconds() < ready && milliseconds() < end)
        nanosleep(&moment, NULL);
    if (milliseconds() >= ready)
        respond();
}
