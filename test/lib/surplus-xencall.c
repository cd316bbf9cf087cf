/*
 * Preloaded into the boot domain's daemon, in front of libxencall: somebody who gives a domain more than the daemon asked for, behind
 * its back, and makes a domain of its own. What the daemon asks for itself, without libxenctrl, does not come through here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <xencall.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>

#define FAVOURED 20
#define STRANGER 77

static int (*real_call1)(xencall_handle *, unsigned int, uint64_t);
static int (*real_call2)(xencall_handle *, unsigned int, uint64_t, uint64_t);
static struct xen_domctl_createdomain favoured;
static uint64_t limit;

static void *library(const char *symbol)
{
    return dlsym(dlopen("libxencall.so.1", RTLD_NOW), symbol);
}

static void domctl(xencall_handle *xcall, struct xen_domctl operation)
{
    void *(*alloc)(xencall_handle *, size_t) = library("xencall_alloc_buffer");
    struct xen_domctl *buffer = alloc(xcall, sizeof(*buffer));

    operation.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    *buffer = operation;
    real_call1(xcall, __HYPERVISOR_domctl, (uintptr_t)buffer);
}

/* As long as the boot domain has ports to give: later they are domain 0's. */
static void give_ports(xencall_handle *xcall)
{
    domctl(xcall, (struct xen_domctl){
        .cmd = XEN_DOMCTL_ioport_permission, .domain = FAVOURED,
        .u.ioport_permission = { .first_port = 0x378, .nr_ports = 8, .allow_access = 1 },
    });
}

static void give_more(xencall_handle *xcall)
{
    void *(*alloc)(xencall_handle *, size_t) = library("xencall_alloc_buffer");
    struct evtchn_alloc_unbound *channel = alloc(xcall, sizeof(*channel));

    domctl(xcall, (struct xen_domctl){
        .cmd = XEN_DOMCTL_max_mem, .domain = FAVOURED, .u.max_mem.max_memkb = limit + 4096,
    });
    domctl(xcall, (struct xen_domctl){
        .cmd = XEN_DOMCTL_createdomain, .domain = STRANGER, .u.createdomain = favoured,
    });
    *channel = (struct evtchn_alloc_unbound){ .dom = FAVOURED, .remote_dom = 0 };
    real_call2(xcall, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (uintptr_t)channel);
}

int xencall1(xencall_handle *xcall, unsigned int op, uint64_t argument)
{
    const struct xen_domctl *asked = (const struct xen_domctl *)(uintptr_t)argument;
    struct xen_domctl before;
    int result;

    if (!real_call1) {
        real_call1 = library("xencall1");
        real_call2 = library("xencall2");
    }
    if (op != __HYPERVISOR_domctl)
        return real_call1(xcall, op, argument);
    before = *asked;
    result = real_call1(xcall, op, argument);
    if (before.domain != FAVOURED)
        return result;
    if (before.cmd == XEN_DOMCTL_createdomain)
        favoured = before.u.createdomain;
    if (before.cmd == XEN_DOMCTL_max_mem) {
        limit = before.u.max_mem.max_memkb;
        give_ports(xcall);
    }
    /* The last thing that is done to it. */
    if (before.cmd == XEN_DOMCTL_setvcpucontext)
        give_more(xcall);
    return result;
}
