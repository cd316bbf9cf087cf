/*
 * How long commands of a TPM 2.0 take: median, what nine of ten stay below, and the longest, in microseconds.
 * Usage: latency LABEL PATH ROUNDS     PATH is a TPM device, or the UNIX socket of a swtpm
 * Compiled with RING and the modules of vtpm/frontend: latency LABEL ring ROUNDS, over the page that a guest shares, without Linux's TPM
 * driver.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef RING
#include "commands.h"
#include "xenbus.h"
#endif

#define MOST_ROUNDS 2000

#ifndef RING
static int tpm;
/* A swtpm, without a guest between. */
static int alone;
#endif

static void stop(const char *what)
{
    printf("cannot %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Sends a command and takes the response, as programs do: at once, or in one read. */
static size_t exchange(const uint8_t *command, size_t size, uint8_t *response)
{
#ifdef RING
    return transact(command, size, response);
#else
    ssize_t length;

    if (write(tpm, command, size) != (ssize_t)size)
        stop("send a command");
    length = read(tpm, response, 4096);
    if (length < 10)
        stop("read a response");
    return length;
#endif
}

static void begin(const char *path)
{
#ifdef RING
    (void)path;
    xenbus_connect(0);
#else
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    tpm = open(path, O_RDWR);
    if (tpm >= 0)
        return;
    tpm = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(tpm, (struct sockaddr *)&address, sizeof(address)) < 0)
        stop("reach the TPM");
    alone = 1;
#endif
}

static int compare(const void *a, const void *b)
{
    return *(const long *)a < *(const long *)b ? -1 : 1;
}

static long microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

/* `wanted` is the response code that the command is to have. */
static void measure(const char *label, const char *name, const uint8_t *command, size_t size, long rounds, uint32_t wanted)
{
    static long times[MOST_ROUNDS];
    static uint8_t response[4096];

    for (long round = 0; round < rounds; round++) {
        long start = microseconds();

        exchange(command, size, response);
        times[round] = microseconds() - start;
        if (((uint32_t)response[6] << 24 | response[7] << 16 | response[8] << 8 | response[9]) != wanted) {
            errno = EPROTO;
            stop(name);
        }
    }
    qsort(times, rounds, sizeof(*times), compare);
    printf("bench %s %s %ld %ld %ld\n", label, name, times[rounds / 2], times[rounds * 9 / 10], times[rounds - 1]);
    fflush(stdout);
}

/* TPM 2.0 Library, Part 3: TPM2_GetRandom of 8 bytes, TPM2_PCR_Read and TPM2_PCR_Extend of PCR 16, SHA-256. */
static const uint8_t get_random[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 8 };
static const uint8_t pcr_read[] = {
    0x80, 0x01, 0, 0, 0, 20, 0, 0, 0x01, 0x7e, 0, 0, 0, 1, 0, 0x0b, 3, 0, 0, 1,
};
static const uint8_t pcr_extend[65] = {
    0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82, 0, 0, 0, 16, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x0b,
};

#ifndef RING
/* TPM2_SelfTest of all, which the back end has done before the guest gets its TPM. */
static const uint8_t self_test[] = { 0x80, 0x01, 0, 0, 0, 11, 0, 0, 0x01, 0x43, 1 };

/* Too short for a command: tpmfront answers, without the vTPM domain. */
static const uint8_t bare[] = { 0x80, 0x01, 0, 0, 0, 8, 0, 0 };
#else
/* Its size is not its length: the back end answers, without the TPM. */
static const uint8_t refused[] = { 0x80, 0x01, 0, 0, 0, 13, 0, 0, 0x01, 0x7b, 0, 8 };
#endif

int main(int count, char **arguments)
{
    long rounds = count == 4 ? atol(arguments[3]) : 0;

    if (rounds < 1 || rounds > MOST_ROUNDS) {
        fprintf(stderr, "usage: latency LABEL PATH ROUNDS, with at most %d rounds\n", MOST_ROUNDS);
        return 2;
    }
    begin(arguments[2]);
    measure(arguments[1], "GetRandom", get_random, sizeof(get_random), rounds, 0);
    measure(arguments[1], "PCR_Read", pcr_read, sizeof(pcr_read), rounds, 0);
    measure(arguments[1], "PCR_Extend", pcr_extend, sizeof(pcr_extend), rounds, 0);
#ifdef RING
    measure(arguments[1], "Refused", refused, sizeof(refused), rounds, 0x142);
#endif
#ifndef RING
    if (alone)
        measure(arguments[1], "SelfTest", self_test, sizeof(self_test), 3, 0);
    else
        measure(arguments[1], "Bare", bare, sizeof(bare), rounds, 0x142);
#endif
    return 0;
}
