/*
 * exchange serve PORT NAME        answers each message with its number, a checksum and the name
 * exchange ask PORT COUNT         sends COUNT messages of mixed sizes and compares the answers; then goes on, ten a second, and
 *                                 says whenever somebody else answers, or nobody
 * exchange hold PORT NAME         takes nothing until no more has come for some seconds, then takes all; ends with the last one of fill
 * exchange fill PORT BYTES        sends to one that holds, such messages until there is no room, waits for Xen's event, and sends again
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
/* Without an event the ring is looked at all the same. */
#define LOOK_MS 1000
#define HOLD_MS 3000
/* How the last message of fill() begins. */
#define LAST 0xff

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

/* Until something has come; for a while where there is no event, which another program may have. */
static void rest(void)
{
    if (channel_wait(LOOK_MS) < 0)
        usleep(1000);
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
            rest();
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
            rest();
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

/* The other end of fill(). */
static void hold(struct channel_ring *ring, const char *name)
{
    unsigned int taken = 0;

    while (message[0] != LAST) {
        /* Something has come, and more may come in this time. */
        while (channel_wait(HOLD_MS) > 0)
            ;
        while (channel_next(ring, message, sizeof(message)) >= 0)
            taken++;
    }
    printf("exchange: %s has taken %u\n", name, taken);
}

static void fill(uint32_t port, size_t bytes)
{
    unsigned int sent = 0, events = 0;
    double begin;
    long result;

    channel_wait(0);
    /* Until the other end is up. */
    while ((result = channel_room(port, bytes)) == -ECONNREFUSED)
        usleep(100000);
    printf("exchange: room for %zu bytes: %s\n", bytes, result ? strerror(-result) : "yes");
    printf("exchange: room for %d bytes: %s\n", 2 * ROOM, strerror(-channel_room(port, 2 * ROOM)));
    printf("exchange: room without a channel: %s\n", strerror(-channel_room(port + 1000, bytes)));
    while ((result = channel_send(port, message, bytes)) >= 0)
        sent++;
    printf("exchange: %u sent, then: %s\n", sent, strerror(-result));
    begin = now();
    while ((result = channel_room(port, bytes)) == -EAGAIN && channel_wait(PATIENCE_MS) > 0)
        events++;
    printf("exchange: room after %u event: %s, after %.0f ms\n", events, result ? strerror(-result) : "yes", now() - begin);
    message[0] = LAST;
    result = channel_send(port, message, bytes);
    printf("exchange: sent again: %s\n", result < 0 ? strerror(-result) : "yes");
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
    if (!strcmp(arguments[1], "fill")) {
        fill(port, strtoul(arguments[3], NULL, 10));
        return 0;
    }
    ring = channel_receive_on(port, ROOM);
    if (!ring) {
        printf("exchange: cannot receive: %s\n", strerror(errno));
        return 1;
    }
    if (!strcmp(arguments[1], "serve"))
        serve(ring, port, arguments[3]);
    else if (!strcmp(arguments[1], "hold"))
        hold(ring, arguments[3]);
    else
        ask(ring, port, strtoul(arguments[3], NULL, 10));
    return 0;
}
