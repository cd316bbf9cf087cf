/*
 * What a front end calls of Xen's libraries, for a guest whose xenstore dom0 wrote: entries are what the environment has under their
 * path, '/' and '-' as '_'. Pages and channels are told on standard output, and are not there. The back end is /b, which connects
 * as soon as it is offered something.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xenbus.h"

static char page[4096];
static atomic_bool connected;
static sem_t change, looked;

struct xs_handle *xs_open(unsigned long flags)
{
    (void)flags;
    return (struct xs_handle *)page;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *length)
{
    char name[512];
    const char *value;
    size_t i;

    (void)h, (void)t;
    for (i = 0; path[i] && i < sizeof(name) - 1; i++)
        name[i] = path[i] == '/' || path[i] == '-' ? '_' : path[i];
    name[i] = '\0';
    value = getenv(name);
    if (!value)
        return NULL;
    *length = strlen(value);
    return strdup(value);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned int length)
{
    (void)h, (void)t;
    if (!strcmp(path, "device/vtpm/0/state") && length == 1 && *(const char *)data == '3')
        setenv("_b_state", "4", 1);
    printf("write %s %.*s\n", path, (int)length, (const char *)data);
    return true;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    (void)h, (void)path, (void)token;
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    (void)h, (void)path, (void)token;
    return true;
}

char **xs_read_watch(struct xs_handle *h, unsigned int *count)
{
    (void)h, (void)count;
    /* From then on by the thread that follows changes alone: it has looked at the one before. */
    if (connected) {
        sem_post(&looked);
        sem_wait(&change);
    }
    return calloc(2, sizeof(char *));
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger, (void)flags;
    return (xengntshr_handle *)page;
}

void *xengntshr_share_pages(xengntshr_handle *h, uint32_t domid, int count, uint32_t *references, int writable)
{
    (void)h, (void)count, (void)writable;
    printf("share with %u\n", domid);
    *references = 8;
    return page;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger, (void)flags;
    return (xenevtchn_handle *)page;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *h, uint32_t domid)
{
    (void)h;
    printf("bind with %u\n", domid);
    return 9;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
    (void)h, (void)port;
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
    (void)h;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
    (void)h;
    return 9;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
    (void)h, (void)port;
    return 0;
}

/* Connects; then dom0 does what the arguments say, NAME=VALUE or NAME for an entry that is removed, and the front end looks. */
int main(int count, char **arguments)
{
    xenbus_connect(0);
    puts("connected");
    connected = true;
    sem_wait(&looked);
    for (int i = 1; i < count; i++) {
        if (strchr(arguments[i], '='))
            putenv(arguments[i]);
        else
            unsetenv(arguments[i]);
        sem_post(&change);
        sem_wait(&looked);
        printf("goes on after %s\n", arguments[i]);
    }
    return 0;
}
