/*
 * Gives a Xen guest the TPM 2.0 that its vTPM domain serves: the guest's end of a tpmif ring on one side, Linux's TPM
 * proxy (/dev/vtpmx) on the other, which makes an ordinary /dev/tpm0 and /dev/tpmrm0. Linux's own xen-tpmfront knows
 * TPM 1.2 only.
 *
 * Usage: tpmfront [DEVICE]     DEVICE is the number of the vTPM device, 0 by default
 *
 * Runs until the vTPM is gone; the TPM device disappears with it. Needs the modules xen-evtchn, xen-gntalloc and
 * tpm_vtpm_proxy, and the device in xenstore.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/vtpm_proxy.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#include "ring.h"

#define MOST_ATTEMPTS 30
/* How many responses in a row have to come within which time, and how long to wait for them. */
#define CALM_ANSWERS 20
#define CALM_MS 250
#define CALM_WAIT_MS 60000

static struct {
    struct xs_handle *store;
    xenevtchn_handle *events;
    evtchn_port_t port;
    volatile void *page;
    char self[64];
    char backend[256];
} front;

static void fail(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *what, ...)
{
    va_list arguments;

    fputs("tpmfront: ", stderr);
    va_start(arguments, what);
    vfprintf(stderr, what, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* The text at `directory`/`name`, to be freed; NULL when there is none. */
static char *look(const char *directory, const char *name)
{
    char path[512];
    unsigned int length;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return xs_read(front.store, XBT_NULL, path, &length);
}

static long look_number(const char *directory, const char *name)
{
    char *text = look(directory, name);
    long number = text ? strtol(text, NULL, 10) : -1;

    free(text);
    return number;
}

static void publish(const char *name, unsigned int number)
{
    char path[128], text[16];
    int length = snprintf(text, sizeof(text), "%u", number);

    snprintf(path, sizeof(path), "%s/%s", front.self, name);
    if (!xs_write(front.store, XBT_NULL, path, text, length))
        fail("cannot write %s: %s", path, strerror(errno));
}

static void await_change(void)
{
    unsigned int count;
    char **event = xs_read_watch(front.store, &count);

    if (!event)
        fail("xenstore is gone: %s", strerror(errno));
    free(event);
}

/* Waits until there is a vTPM device for this guest; tells its backend's domain. */
static unsigned int find_backend(void)
{
    char *path;
    long domid;

    if (!xs_watch(front.store, front.self, "device"))
        fail("cannot watch %s: %s", front.self, strerror(errno));
    while (!(path = look(front.self, "backend")) || (domid = look_number(front.self, "backend-id")) < 0) {
        free(path);
        await_change();
    }
    snprintf(front.backend, sizeof(front.backend), "%s", path);
    free(path);
    xs_unwatch(front.store, front.self, "device");
    return domid;
}

static void share_ring(unsigned int backend)
{
    xengntshr_handle *grants = xengntshr_open(NULL, 0);
    xenevtchn_port_or_error_t port;
    uint32_t reference;
    void *page;

    if (!grants)
        fail("cannot share memory: %s (is the module xen-gntalloc loaded?)", strerror(errno));
    page = xengntshr_share_pages(grants, backend, 1, &reference, 1);
    if (!page)
        fail("cannot share a page with domain %u: %s", backend, strerror(errno));
    memset(page, 0, RING_PAGE_SIZE);
    front.page = page;
    front.events = xenevtchn_open(NULL, 0);
    if (!front.events)
        fail("cannot open event channels: %s (is the module xen-evtchn loaded?)", strerror(errno));
    port = xenevtchn_bind_unbound_port(front.events, backend);
    if (port < 0)
        fail("cannot make an event channel to domain %u: %s", backend, strerror(errno));
    front.port = port;
    publish("ring-ref", reference);
    publish("event-channel", front.port);
    publish("feature-protocol-v2", 1);
    publish("state", XenbusStateInitialised);
}

/* Waits until the backend can be connected to; it may still be about to let go of a predecessor of ours. */
static void await_offer(void)
{
    long state;

    if (!xs_watch(front.store, front.backend, "backend"))
        fail("cannot watch %s: %s", front.backend, strerror(errno));
    publish("state", XenbusStateInitialising);
    do {
        await_change();
        state = look_number(front.backend, "state");
    } while (state != XenbusStateInitWait && state != XenbusStateInitialised);
}

static void await_connection(void)
{
    long state;

    while ((state = look_number(front.backend, "state")) != XenbusStateConnected) {
        if (state >= XenbusStateClosing)
            fail("the vTPM domain refuses: %s is in state %ld", front.backend, state);
        await_change();
    }
    if (look_number(front.backend, "feature-protocol-v2") != 1)
        fail("%s does not speak version 2 of the protocol", front.backend);
    publish("state", XenbusStateConnected);
}

/* Sleeps until the backend notified us; ends when it goes away. */
static void await_event(void)
{
    struct pollfd wait[] = {
        { .fd = xenevtchn_fd(front.events), .events = POLLIN },
        { .fd = xs_fileno(front.store), .events = POLLIN },
    };
    xenevtchn_port_or_error_t port;

    if (poll(wait, 2, -1) < 0) {
        if (errno == EINTR)
            return;
        fail("poll: %s", strerror(errno));
    }
    if (wait[1].revents) {
        free(xs_check_watch(front.store));
        if (look_number(front.backend, "state") != XenbusStateConnected) {
            publish("state", XenbusStateClosed);
            fail("the vTPM domain closed the device");
        }
    }
    if (wait[0].revents) {
        port = xenevtchn_pending(front.events);
        if (port < 0 || xenevtchn_unmask(front.events, port) < 0)
            fail("event channel: %s", strerror(errno));
    }
}

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

static uint32_t command_code(const uint8_t *command)
{
    return (uint32_t)command[6] << 24 | command[7] << 16 | command[8] << 8 | command[9];
}

static size_t transact(const uint8_t *command, size_t size, uint8_t *response)
{
    size_t length = 0;

    if (size < 10)
        return bare_response(response, RC_COMMAND_SIZE);
    /* The proxy driver's own command, which is not for the TPM: it has one locality. linux/vtpm_proxy.h */
    if (command_code(command) == TPM2_CC_SET_LOCALITY)
        return bare_response(response, size > 10 && command[size - 1] == 0 ? RC_SUCCESS : RC_LOCALITY);
    if (ring_submit(front.page, command, size) < 0)
        return bare_response(response, RC_COMMAND_SIZE);
    xenevtchn_notify(front.events, front.port);
    for (;;) {
        switch (ring_collect(front.page, response, &length)) {
        case RING_PENDING:
            await_event();
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

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

/*
 * Waits until the TPM answers quickly, or has had its time: Linux gives up on a new TPM device when one of its first
 * responses takes more than 750 ms, and where many domains have just started, it may. TPM2_SelfTest, of what was not tested
 * before.
 */
static void await_calm(void)
{
    static const uint8_t self_test[] = { 0x80, 0x01, 0, 0, 0, 11, 0, 0, 0x01, 0x43, 0 };
    static uint8_t response[RING_PAGE_SIZE];
    long start = milliseconds();
    int quick = 0;

    while (quick < CALM_ANSWERS && milliseconds() - start < CALM_WAIT_MS) {
        long before = milliseconds();

        transact(self_test, sizeof(self_test), response);
        quick = milliseconds() - before < CALM_MS ? quick + 1 : 0;
        usleep(100000);
    }
}

static int make_device(void)
{
    struct vtpm_proxy_new_dev device = { .flags = VTPM_PROXY_FLAG_TPM2 };
    int proxy = open("/dev/vtpmx", O_RDWR | O_CLOEXEC);

    if (proxy < 0)
        fail("cannot open /dev/vtpmx: %s (is the module tpm_vtpm_proxy loaded?)", strerror(errno));
    if (ioctl(proxy, VTPM_PROXY_IOC_NEW_DEV, &device) < 0)
        fail("cannot make a TPM device: %s", strerror(errno));
    close(proxy);
    printf("tpmfront: /dev/tpm%u is the TPM behind %s\n", device.tpm_num, front.backend);
    fflush(stdout);
    return device.fd;
}

/* Hands the commands of Linux to the ring until Linux gives the device up, which makes its file useless. */
static void serve(int tpm)
{
    static uint8_t command[RING_PAGE_SIZE], response[RING_PAGE_SIZE];

    for (;;) {
        ssize_t size = read(tpm, command, sizeof(command));
        size_t length;

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EPIPE)
            return;
        if (size <= 0)
            fail("the TPM device is gone: %s", size < 0 ? strerror(errno) : "end of file");
        length = transact(command, size, response);
        /* EIO: the kernel waits no longer for this response. */
        if (write(tpm, response, length) >= 0 || errno == EIO)
            continue;
        if (errno == EPIPE)
            return;
        fail("cannot give the kernel a response: %s", strerror(errno));
    }
}

int main(int count, char **arguments)
{
    unsigned int backend, attempt;

    snprintf(front.self, sizeof(front.self), "device/vtpm/%d", count > 1 ? atoi(arguments[1]) : 0);
    front.store = xs_open(0);
    if (!front.store)
        fail("cannot reach xenstore: %s", strerror(errno));
    backend = find_backend();
    await_offer();
    share_ring(backend);
    await_connection();
    await_calm();
    /* On a machine that is busy, one of the first responses may come too late all the same. Nothing is lost by beginning again. */
    for (attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        int tpm = make_device();

        serve(tpm);
        close(tpm);
        fputs("tpmfront: Linux gave the device up, as after a response that took too long\n", stderr);
        sleep(1);
    }
    fail("Linux did not take the TPM %d times; see its messages", MOST_ATTEMPTS);
}
