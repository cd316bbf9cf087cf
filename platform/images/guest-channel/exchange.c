/*
 * exchange serve PORT NAME        answers each message with its number, a checksum and the name
 * exchange ask PORT COUNT         sends COUNT messages of mixed sizes and compares the answers; then goes on, ten a second, and
 *                                 says whenever somebody else answers, or nobody
 * exchange name PORT DOMID DPORT  tries to send to a domain by its number, and to join ports, which nobody may
 */
#include "channel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST 16000
#define ROOM (64 * 1024)
/* How long an answer is waited for: other domains may have the processors for seconds. */
#define PATIENCE_MS 20000

struct answer {
    uint32_t number;
    uint32_t sum;
    char name[24];
};

static unsigned char message[MOST];

static uint32_t sum_of(const unsigned char *bytes, size_t count)
{
    uint32_t sum = 1;

    while (count--)
        sum = sum * 31 + *bytes++;
    return sum;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static long send_patiently(uint32_t port, const void *bytes, size_t count)
{
    long result;

    while ((result = channel_send(port, bytes, count)) == -EAGAIN)
        usleep(1000);
    return result;
}

static void serve(struct channel_ring *ring, uint32_t port, const char *name)
{
    uint32_t served = 0;

    for (;;) {
        struct answer answer = { 0 };
        long bytes = channel_next(ring, message, sizeof(message));

        if (bytes == -EAGAIN) {
            usleep(200);
            continue;
        }
        if (bytes < 4) {
            printf("exchange: %s got %ld\n", name, bytes);
            continue;
        }
        memcpy(&answer.number, message, 4);
        answer.sum = sum_of(message, bytes);
        snprintf(answer.name, sizeof(answer.name), "%s", name);
        bytes = send_patiently(port, &answer, sizeof(answer));
        if (bytes < 0)
            printf("exchange: %s cannot answer: %s\n", name, strerror(-bytes));
        if (++served == 1000)
            printf("exchange: %s has answered 1000\n", name);
    }
}

/* The answer to message number @number. What was asked earlier and given up may still be answered: that is passed over. */
static long answer_to(struct channel_ring *ring, uint32_t number, struct answer *answer)
{
    double end = now() + PATIENCE_MS;

    for (;;) {
        long result = channel_next(ring, answer, sizeof(*answer));

        if (result == -EAGAIN && now() < end)
            usleep(200);
        else if (result < 0 || answer->number >= number)
            return result;
    }
}

/* Sends message number @number and takes the answer; negative when there is none. */
static long ask_once(struct channel_ring *ring, uint32_t port, uint32_t number, struct answer *answer)
{
    size_t bytes = 4 + (number * 7919u) % (MOST - 4);
    long result;

    for (size_t i = 4; i < bytes; i++)
        message[i] = number + i;
    memcpy(message, &number, 4);
    result = send_patiently(port, message, bytes);
    if (result >= 0)
        result = answer_to(ring, number, answer);
    if (result < 0)
        return result;
    return answer->number == number && answer->sum == sum_of(message, bytes) ? 0 : -EBADMSG;
}

static void ask(struct channel_ring *ring, uint32_t port, uint32_t count)
{
    char last[64] = "", said[64];
    struct answer answer;
    uint32_t wrong = 0, number = 0;
    double begin;

    /* Until the other end is up. */
    while (ask_once(ring, port, number, &answer))
        usleep(100000);
    begin = now();
    for (number = 1; number <= count; number++)
        if (ask_once(ring, port, number, &answer))
            wrong++;
    printf("exchange: %u asked, %u wrong, in %.0f ms\n", count, wrong, now() - begin);
    for (;; number++) {
        long result = ask_once(ring, port, number, &answer);

        snprintf(said, sizeof(said), "%s", result ? strerror(-result) : answer.name);
        if (strcmp(said, last))
            printf("exchange: answered by: %s\n", said);
        strcpy(last, said);
        usleep(100000);
    }
}

/* What a guest that is confined to its channels may not. */
static void name_somebody(uint32_t port, unsigned int domid, uint32_t to)
{
    struct {
        uint32_t port;
        uint16_t domid, pad;
    } way[2] = { { .port = port, .domid = 0x7ff4 }, { .port = to, .domid = domid } };
    struct {
        uint64_t address;
        uint32_t bytes, pad;
    } vector = { .address = (uintptr_t)message, .bytes = 16 };

    printf("exchange: naming a domain: %s\n", strerror(-channel_operation(3, way, &vector, 1, 0)));
    way[0].domid = domid;
    printf("exchange: joining ports: %s\n", strerror(-channel_operation(5, way, NULL, 0, 0)));
}

int main(int count, char **arguments)
{
    uint32_t port = count > 2 ? strtoul(arguments[2], NULL, 10) : 0;
    struct channel_ring *ring;
    int result = count > 3 ? channel_open() : -EINVAL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (result) {
        printf("exchange: cannot begin: %s\n", strerror(-result));
        return 1;
    }
    if (!strcmp(arguments[1], "name") && count > 4) {
        name_somebody(port, atoi(arguments[3]), atoi(arguments[4]));
        return 0;
    }
    ring = channel_receive_on(port, ROOM);
    if (!ring) {
        printf("exchange: cannot receive: %s\n", strerror(errno));
        return 1;
    }
    if (!strcmp(arguments[1], "serve"))
        serve(ring, port, arguments[3]);
    else
        ask(ring, port, strtoul(arguments[3], NULL, 10));
    return 0;
}
