/*
 * Xen's libraries for grants and event channels, as vtpm/backend/serve uses them, without Xen: what a guest grants and offers are files in
 * the directory FAKE_XEN. page-DOMID-REFERENCE is a page; channel-DOMID-PORT is a FIFO whose bytes are the guest's notifications, and
 * channel-DOMID-PORT.back one for those of the back end. A channel that is masked is not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define PAGE 4096
#define PORT 7

static int grants = -1, to = -1, back = -1, only = -1, masked;

static int open_file(const char *kind, uint32_t domid, uint32_t number, const char *suffix)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s-%u-%u%s", getenv("FAKE_XEN"), kind, domid, number, suffix);
    return open(path, O_RDWR | O_CLOEXEC);
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    (void)logger, (void)flags;
    grants = open("/dev/null", O_RDWR | O_CLOEXEC);
    return (xengnttab_handle *)&grants;
}

int xengnttab_close(xengnttab_handle *handle)
{
    (void)handle;
    return close(grants);
}

void *xengnttab_map_grant_ref(xengnttab_handle *handle, uint32_t domid, uint32_t reference, int protection)
{
    int file = open_file("page", domid, reference, "");
    void *page;

    (void)handle;
    if (file < 0)
        return NULL;
    page = mmap(NULL, PAGE, protection, MAP_SHARED, file, 0);
    close(file);
    return page == MAP_FAILED ? NULL : page;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    (void)logger, (void)flags;
    return (xenevtchn_handle *)&to;
}

int xenevtchn_restrict(xenevtchn_handle *handle, domid_t domid)
{
    (void)handle;
    only = domid;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domid, evtchn_port_t port)
{
    (void)handle;
    errno = EACCES;
    if (only != (int)domid)
        return -1;
    to = open_file("channel", domid, port, "");
    back = open_file("channel", domid, port, ".back");
    return to < 0 || back < 0 ? -1 : PORT;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
    char all[PAGE];

    (void)handle;
    if (masked)
        abort();
    /* However often it was notified. */
    if (read(to, all, sizeof(all)) <= 0)
        return -1;
    masked = 1;
    return PORT;
}

int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
    (void)handle;
    if (port != PORT || !masked)
        abort();
    masked = 0;
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
    (void)handle;
    if (port != PORT)
        abort();
    return write(back, "!", 1) == 1 ? 0 : -1;
}
