#include "guest.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "tell.h"

static struct {
    xenevtchn_handle *events;
    evtchn_port_t port;
    volatile void *page;
} guest;

static void map_page(unsigned int domid, unsigned int reference)
{
    xengnttab_handle *grants = xengnttab_open(NULL, 0);

    if (!grants)
        fail("cannot open /dev/xen/gntdev: %s", strerror(errno));
    guest.page = xengnttab_map_grant_ref(grants, domid, reference, PROT_READ | PROT_WRITE);
    if (!guest.page)
        fail("cannot map grant %u of domain %u: %s", reference, domid, strerror(errno));
    /* The page stays: its mapping holds the file (Linux, gntdev_mmap). Who has the file can map what any guest grants this domain. */
    xengnttab_close(grants);
}

static void bind_channel(unsigned int domid, unsigned int port)
{
    xenevtchn_port_or_error_t bound;

    guest.events = xenevtchn_open(NULL, 0);
    if (!guest.events)
        fail("cannot open /dev/xen/evtchn: %s", strerror(errno));
    /* Linux knows no restriction to domain 0 (6.1, evtchn_ioctl). */
    if (domid != 0 && xenevtchn_restrict(guest.events, domid) < 0)
        fail("cannot restrict event channels to domain %u: %s", domid, strerror(errno));
    bound = xenevtchn_bind_interdomain(guest.events, domid, port);
    if (bound < 0)
        fail("cannot bind to event channel %u of domain %u: %s", port, domid, strerror(errno));
    guest.port = bound;
}

void guest_connect(unsigned int domid, unsigned int reference, unsigned int port)
{
    map_page(domid, reference);
    bind_channel(domid, port);
}

volatile void *guest_page(void)
{
    return guest.page;
}

void guest_await(void)
{
    xenevtchn_port_or_error_t port;

    do
        port = xenevtchn_pending(guest.events);
    while (port < 0 && errno == EINTR);
    if (port < 0)
        fail("cannot wait for the event channel: %s", strerror(errno));
}

void guest_notify(void)
{
    if (xenevtchn_notify(guest.events, guest.port) < 0)
        fail("cannot notify the guest: %s", strerror(errno));
}

void guest_listen(void)
{
    if (xenevtchn_unmask(guest.events, guest.port) < 0)
        fail("cannot unmask the event channel: %s", strerror(errno));
}
