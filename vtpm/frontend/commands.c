#include "commands.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <linux/vtpm_proxy.h>

#include "linger.h"
#include "ring.h"
#include "wait.h"
#include "xenbus.h"

/* The command that the TPM works on; Linux was told to ask for it again. */
static struct {
    /* 0 when there is none. */
    size_t size;
    uint8_t command[RING_PAGE_SIZE];
    unsigned int put_off;
} running;

/* A response without sessions that carries nothing but `code`; TPM 2.0 Library, Part 1. */
static size_t bare_response(uint8_t *response, uint32_t code)
{
    const uint8_t bytes[] = { 0x80, 0x01, 0, 0, 0, 10, code >> 24, code >> 16, code >> 8, code };

    memcpy(response, bytes, sizeof(bytes));
    return sizeof(bytes);
}

/* TPM 2.0 Library, Part 2, "TPM_RC". */
#define RC_SUCCESS 0
#define RC_FAILURE 0x101
#define RC_COMMAND_SIZE 0x142
#define RC_LOCALITY 0x907
#define RC_CANCELED 0x909
#define RC_RETRY 0x922

static uint32_t command_code(const uint8_t *command)
{
    return (uint32_t)command[6] << 24 | command[7] << 16 | command[8] << 8 | command[9];
}

/* TPM 2.0 Library, Part 2, "TPM_CC". */
#define CC_HIERARCHY_CONTROL 0x121
#define CC_HIERARCHY_CHANGE_AUTH 0x129
#define CC_SEQUENCE_COMPLETE 0x13e
#define CC_SELF_TEST 0x143
#define CC_STARTUP 0x144
#define CC_NV_READ 0x14e
#define CC_SEQUENCE_UPDATE 0x15c
#define CC_GET_CAPABILITY 0x17a
#define CC_GET_RANDOM 0x17b
#define CC_PCR_EXTEND 0x182
#define CC_EVENT_SEQUENCE_COMPLETE 0x185
#define CC_HASH_SEQUENCE_START 0x186

/*
 * Linux gives a command up, with ETIME, that got no response for a time: 750 ms or 2 s for the commands here, minutes for all
 * others (6.1, tpm2_ordinal_duration_index). A vTPM domain that has to share its processor may need longer. When Linux is told
 * TPM_RC_RETRY it sends the same command again, after 20 ms, then 40, up to seven times (tpm_transmit); nobody else's command
 * comes in between. So it is told that after half of its time, and asks for a command that runs already. Not the last time:
 * Linux would pass TPM_RC_RETRY on, which says that the command was not done.
 */
#define MOST_PUT_OFFS 6

static int half_of_linux_patience(uint32_t code)
{
    switch (code) {
    case CC_STARTUP:
    case CC_GET_CAPABILITY:
    case CC_PCR_EXTEND:
    case CC_HASH_SEQUENCE_START:
    case CC_SEQUENCE_UPDATE:
    case CC_SEQUENCE_COMPLETE:
    case CC_EVENT_SEQUENCE_COMPLETE:
        return 375;
    case CC_SELF_TEST:
    case CC_GET_RANDOM:
    case CC_NV_READ:
    case CC_HIERARCHY_CONTROL:
    case CC_HIERARCHY_CHANGE_AUTH:
        return 1000;
    default:
        return FOREVER;
    }
}

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

static bool is_answered(void)
{
    return !ring_pending(xenbus_page());
}

/* Waits for the response to the command that runs. Returns its size, or 0 when it did not come within `limit` milliseconds. */
static size_t await_response(uint8_t *response, int limit)
{
    static struct linger wait;
    long end = linger(&wait, is_answered, NULL) ? 0 : milliseconds() + limit, left;
    size_t length = 0;

    for (;;) {
        switch (ring_collect(xenbus_page(), response, &length)) {
        case RING_PENDING:
            /* The clock is read once: a second look could find the time over, and a negative limit is FOREVER. */
            left = limit == FOREVER ? FOREVER : end - milliseconds();
            if (limit != FOREVER && left <= 0)
                return 0;
            xenbus_await_event(left);
            continue;
        case RING_RESPONSE:
            return length;
        case RING_CANCELLED:
            return bare_response(response, RC_CANCELED);
        default:
            return bare_response(response, RC_FAILURE);
        }
    }
}

static bool runs(const uint8_t *command, size_t size)
{
    return running.size == size && memcmp(running.command, command, size) == 0;
}

size_t transact(const uint8_t *command, size_t size, uint8_t *response)
{
    size_t length;
    int limit;

    if (size < 10)
        return bare_response(response, RC_COMMAND_SIZE);
    /* The proxy driver's own command, which is not for the TPM: it has one locality. linux/vtpm_proxy.h */
    if (command_code(command) == TPM2_CC_SET_LOCALITY)
        return bare_response(response, size > 10 && command[size - 1] == 0 ? RC_SUCCESS : RC_LOCALITY);
    if (!runs(command, size)) {
        /* Nobody asks any more for one that runs, but it has to end. */
        if (running.size)
            await_response(response, FOREVER);
        running.size = 0;
        if (ring_submit(xenbus_page(), command, size) < 0)
            return bare_response(response, RC_COMMAND_SIZE);
        xenbus_notify();
        memcpy(running.command, command, size);
        running.size = size;
        running.put_off = 0;
    }
    limit = running.put_off < MOST_PUT_OFFS ? half_of_linux_patience(command_code(command)) : FOREVER;
    length = await_response(response, limit);
    if (length == 0) {
        running.put_off++;
        return bare_response(response, RC_RETRY);
    }
    running.size = 0;
    return length;
}
