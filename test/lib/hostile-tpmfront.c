/*
 * A front end that does what none should. Usage: hostile ATTACK [NUMBER]
 *
 * It has what every guest has: its own directory of xenstore, grants and event channels. Each attack says in one line what
 * came of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xen/xen.h>
#include <xen/io/tpmif.h>
#include <xen/io/xenbus.h>

#define PAGE 4096
#define DATA sizeof(tpmif_shared_page_t)
#define DEVICE "device/vtpm/0"

static struct xs_handle *store;
static xengntshr_handle *grants;
static xenevtchn_handle *events;
static evtchn_port_t port;
static volatile tpmif_shared_page_t *page;
static char backend[256];

static void fail(const char *what)
{
    printf("cannot %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(const char *name, const char *format, ...)
{
    char path[128], value[64];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    snprintf(path, sizeof(path), DEVICE "/%s", name);
    xs_write(store, XBT_NULL, path, value, strlen(value));
}

static long number_at(const char *path)
{
    unsigned int length;
    char *text = xs_read(store, XBT_NULL, path, &length);
    long number = text ? strtol(text, NULL, 10) : -1;

    free(text);
    return number;
}

static long state_of_backend(void)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/state", backend);
    return number_at(path);
}

static bool await_state(long wanted)
{
    for (int tries = 0; tries < 600; tries++) {
        if (state_of_backend() == wanted)
            return true;
        usleep(50000);
    }
    return false;
}

static void share(void)
{
    long domid = number_at(DEVICE "/backend-id");
    uint32_t reference;

    page = xengntshr_share_pages(grants, domid, 1, &reference, 1);
    if (!page)
        fail("share a page");
    memset((void *)page, 0, PAGE);
    port = xenevtchn_bind_unbound_port(events, domid);
    put("ring-ref", "%u", reference);
    put("event-channel", "%u", port);
    put("feature-protocol-v2", "1");
}

static void begin(void)
{
    unsigned int length;
    char *path;

    store = xs_open(0);
    grants = xengntshr_open(NULL, 0);
    events = xenevtchn_open(NULL, 0);
    if (!store || !grants || !events)
        fail("begin");
    path = xs_read(store, XBT_NULL, DEVICE "/backend", &length);
    if (!path)
        fail("find the back end");
    snprintf(backend, sizeof(backend), "%s", path);
    free(path);
}

static void connect_to_backend(void)
{
    put("state", "%d", XenbusStateInitialising);
    if (!await_state(XenbusStateInitWait))
        fail("be offered a TPM");
    share();
    put("state", "%d", XenbusStateInitialised);
    if (!await_state(XenbusStateConnected))
        fail("connect");
}

/* What the back end answers within five seconds: a response code, or -1. */
static long exchange(uint32_t length, uint32_t size, uint8_t state, uint8_t locality, uint8_t extra)
{
    uint8_t *data = (uint8_t *)page + DATA;
    const uint8_t command[] = { 0x80, 0x01, size >> 24, size >> 16, size >> 8, size, 0, 0, 0x01, 0x7b, 0, 8 };

    memcpy(data, command, sizeof(command));
    page->length = length;
    page->locality = locality;
    page->nr_extra_pages = extra;
    __sync_synchronize();
    page->state = state;
    xenevtchn_notify(events, port);
    for (int tries = 0; tries < 100; tries++) {
        if (page->state == TPMIF_STATE_FINISH)
            return (long)data[6] << 24 | data[7] << 16 | data[8] << 8 | data[9];
        usleep(50000);
    }
    return -1;
}

/* Values of `state` beside `device/vtpm/0`, and entries below it, as fast as xenstored takes them. */
static void storm(long count)
{
    for (long i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), i % 2 ? "state" : "state/%ld", i % 400);
        put(name, "%ld", i);
    }
    printf("storm: %ld entries\n", count);
}

static void wrong_messages(void)
{
    const uint32_t lengths[] = { 0, 9, 4089, 65535, 0xffffffff };
    unsigned int refused = 0, asked = 0;

    connect_to_backend();
    for (unsigned int i = 0; i < sizeof(lengths) / sizeof(*lengths); i++, asked++)
        refused += exchange(lengths[i], 12, TPMIF_STATE_SUBMIT, 0, 0) == 0x142;
    for (uint32_t size = 0; size < 24; size += 8, asked++)
        refused += exchange(12, size, TPMIF_STATE_SUBMIT, 0, 0) == 0x142;
    for (unsigned int value = 1; value < 256; value += 127, asked += 2) {
        refused += exchange(12, 12, TPMIF_STATE_SUBMIT, value, 0) == 0x907;
        refused += exchange(12, 12, TPMIF_STATE_SUBMIT, 0, value) == 0x142;
    }
    printf("wrong: %u of %u refused, then 0x%lx\n", refused, asked, exchange(12, 12, TPMIF_STATE_SUBMIT, 0, 0));
    put("state", "%d", XenbusStateClosed);
}

/* Rings that are none, or not any more. */
static void vanish(void)
{
    connect_to_backend();
    munmap((void *)page, PAGE);
    xenevtchn_notify(events, port);
    xenevtchn_unbind(events, port);
    put("state", "%d", XenbusStateClosed);
    await_state(XenbusStateClosed);
    put("ring-ref", "4294967295");
    put("event-channel", "4294967295");
    put("state", "%d", XenbusStateInitialising);
    await_state(XenbusStateInitWait);
    put("state", "%d", XenbusStateInitialised);
    printf("vanish: %s\n", await_state(XenbusStateClosed) ? "turned away" : "not answered");
}

static void reconnect(long count)
{
    share();
    for (long i = 0; i < count; i++) {
        put("state", "%d", XenbusStateClosed);
        put("state", "%d", XenbusStateInitialising);
        put("state", "%d", XenbusStateInitialised);
    }
    printf("reconnect: %ld times\n", count);
    put("state", "%d", XenbusStateClosed);
}

static void ring_bell(long count)
{
    connect_to_backend();
    for (long i = 0; i < count; i++)
        xenevtchn_notify(events, port);
    printf("bell: %ld times, then 0x%lx\n", count, exchange(12, 12, TPMIF_STATE_SUBMIT, 0, 0));
    put("state", "%d", XenbusStateClosed);
}

/* A command that takes long, and nobody who waits for it: the domain is to be destroyed now. */
static void leave_in_mid_command(void)
{
    /* TPM2_CreatePrimary of an RSA key of 2048 bits in the owner hierarchy, Part 3, 24.1. */
    static const uint8_t command[] = {
        0x80, 0x02, 0, 0, 0, 0x43, 0, 0, 0x01, 0x31, 0x40, 0, 0, 0x01, 0, 0, 0, 0x09, 0x40, 0, 0, 0x09, 0, 0, 0, 0, 0,
        0, 0x04, 0, 0, 0, 0, 0, 0x1a, 0, 0x01, 0, 0x0b, 0, 0x03, 0, 0x72, 0, 0, 0, 0x06, 0, 0x80, 0, 0x43, 0, 0x10, 0x08,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };

    connect_to_backend();
    memcpy((uint8_t *)page + DATA, command, sizeof(command));
    page->length = sizeof(command);
    __sync_synchronize();
    page->state = TPMIF_STATE_SUBMIT;
    xenevtchn_notify(events, port);
    printf("leaves\n");
    fflush(stdout);
    pause();
}

int main(int count, char **arguments)
{
    const char *attack = count > 1 ? arguments[1] : "";
    long number = count > 2 ? atol(arguments[2]) : 0;

    begin();
    if (!strcmp(attack, "storm"))
        storm(number);
    else if (!strcmp(attack, "wrong"))
        wrong_messages();
    else if (!strcmp(attack, "vanish"))
        vanish();
    else if (!strcmp(attack, "reconnect"))
        reconnect(number);
    else if (!strcmp(attack, "bell"))
        ring_bell(number);
    else if (!strcmp(attack, "leave"))
        leave_in_mid_command();
    else
        printf("no such attack: %s\n", attack);
    return 0;
}
