#include "xenbus.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <xen/xen.h>
#include <xen/io/xenbus.h>

#include "fail.h"
#include "ring.h"
#include "told.h"
#include "wait.h"

/* Where the kernel shows its command line; a test has one of its own. */
#ifndef COMMAND_LINE
#define COMMAND_LINE "/proc/cmdline"
#endif

/* There once the guest was moved; gone with its memory, like all that is below /run. */
#ifndef MOVED
#define MOVED "/run/tpmfront.moved"
#endif

static struct {
    struct xs_handle *store;
    /* This guest's domid; -1 where xenstore does not tell. */
    long domid;
    xenevtchn_handle *events;
    evtchn_port_t port;
    /* It was pending, and is silent until it is unmasked. */
    bool masked;
    volatile void *page;
    char self[64];
    char backend[256];
} front;

/* The text at `directory`/`name`, to be freed; NULL when there is none. */
static char *look(const char *directory, const char *name)
{
    char path[512];
    unsigned int length;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return xs_read(front.store, XBT_NULL, path, &length);
}

/* The number that `text` says; -1 when there is none. Frees it. */
static long number_in(char *text)
{
    long number = text ? strtol(text, NULL, 10) : -1;

    free(text);
    return number;
}

static long look_number(const char *directory, const char *name)
{
    return number_in(look(directory, name));
}

static long own_domid(void)
{
    unsigned int length;

    return number_in(xs_read(front.store, XBT_NULL, "domid", &length));
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

/*
 * Waits until there is a vTPM device for this guest; tells its backend's domain. dom0 owns xenstore, and could name itself there: it
 * would be given every command. So a guest that was told by domB whose TPM it has takes it from nobody else.
 */
static unsigned int find_backend(void)
{
    long told = told_backend(COMMAND_LINE);
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
    if (told == TOLD_NOTHING)
        fprintf(stderr, "tpmfront: takes domain %ld for the vTPM domain on dom0's word: domB told this guest of none\n", domid);
    else if (domid != told)
        fail("refuses domain %ld, which xenstore names: domB gave this guest the TPM that domain %ld serves", domid, told);
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

volatile void *xenbus_page(void)
{
    return front.page;
}

const char *xenbus_backend(void)
{
    return front.backend;
}

void xenbus_notify(void)
{
    xenevtchn_notify(front.events, front.port);
}

void xenbus_await_event(int milliseconds)
{
    struct pollfd file = { .fd = xenevtchn_fd(front.events), .events = POLLIN };
    xenevtchn_port_or_error_t port;

    /* Here, while the vTPM domain works, and not when the response is there, which somebody waits for. */
    if (front.masked && xenevtchn_unmask(front.events, front.port) < 0)
        fail("cannot unmask the event channel: %s", strerror(errno));
    front.masked = false;
    if (milliseconds != FOREVER) {
        wait_for(&file, 1, milliseconds);
        if (!file.revents)
            return;
    }
    port = xenevtchn_pending(front.events);
    if (port < 0 && errno == EINTR)
        return;
    if (port < 0)
        fail("cannot wait for the event channel: %s", strerror(errno));
    front.masked = true;
}

#define WAS_MOVED \
    "this guest was restored or migrated since its start: its TPM stayed where it was, and no other comes in its place before it starts anew"

/*
 * A guest that was restored or migrated is another domain, with everything in its memory and none of what it shared. What is offered to it
 * then is another TPM, or its own after a reset that its registers would not tell of.
 */
static void end_where_moved(void)
{
    long domid = own_domid();

    if (domid < 0 || front.domid < 0 || domid == front.domid)
        return;
    close(open(MOVED, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    fprintf(stderr, "tpmfront: %s\n", WAS_MOVED);
    /* The device goes, the channel stays: Linux stops at one that is closed and was there before (6.1, BUG_ON in evtchn_unbind_from_user). */
    fcntl(xenevtchn_fd(front.events), F_SETFD, 0);
    execl("/proc/self/exe", "tpmfront", XENBUS_MOVED, NULL);
    fail("cannot stay without a TPM: %s", strerror(errno));
}

/* Ends the program when the backend goes away. In a thread of its own, so that commands need not look out for it. */
static void *follow(void *unused)
{
    long state;

    for (;;) {
        await_change();
        end_where_moved();
        state = look_number(front.backend, "state");
        /* Page and channel need no xenstore: dom0 takes entries away, and the TPM goes on. */
        if (state == XenbusStateConnected || state < 0)
            continue;
        publish("state", XenbusStateClosed);
        fail("the vTPM domain closed the device");
    }
    return unused;
}

void xenbus_connect(int device)
{
    unsigned int backend;
    pthread_t thread;
    int error;

    snprintf(front.self, sizeof(front.self), "device/vtpm/%d", device);
    if (access(MOVED, F_OK) == 0)
        fail("%s", WAS_MOVED);
    front.store = xs_open(0);
    if (!front.store)
        fail("cannot reach xenstore: %s", strerror(errno));
    front.domid = own_domid();
    backend = find_backend();
    await_offer();
    share_ring(backend);
    await_connection();
    error = pthread_create(&thread, NULL, follow, NULL);
    if (error)
        fail("cannot follow xenstore: %s", strerror(error));
}
