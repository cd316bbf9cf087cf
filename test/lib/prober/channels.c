/* What joins domains, and what signals them: event_channel.h, grant_table.h, sched.h. */
#include "prober.h"
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/sched.h>

/* A port in the domain, for the other one that the number names. */
static long allocate(uint16_t domid, unsigned long number)
{
    struct evtchn_alloc_unbound request = { .dom = domid, .remote_dom = number };

    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &request);
}

/* All ports that the domain may have open for somebody: the last refusal, or 0 when one can be had. */
static long bind_any(uint16_t domid, unsigned long number)
{
    long result = -ENOENT;

    for (evtchn_port_t port = 1; port <= number; port++) {
        struct evtchn_bind_interdomain request = { .remote_dom = domid, .remote_port = port };

        result = call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &request);
        if (result == 0)
            break;
    }
    return result;
}

/* How many of the domain's ports Xen tells something about; the last refusal when it is none. */
static long status(uint16_t domid, unsigned long number)
{
    long result = 0, told = 0;

    for (evtchn_port_t port = 1; port <= number; port++) {
        struct evtchn_status request = { .dom = domid, .port = port };
        long answer = call(__HYPERVISOR_event_channel_op, EVTCHNOP_status, &request);

        if (answer == 0)
            told++;
        else
            result = answer;
    }
    return told ? told : result;
}

static long reset(uint16_t domid, unsigned long number)
{
    struct evtchn_reset request = { .dom = domid };

    (void)number;
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, &request);
}

/* Results of grants are their own: GNTST_permission_denied is -8. */
static long map_grant(uint16_t domid, unsigned long number)
{
    struct gnttab_map_grant_ref request = { .flags = GNTMAP_host_map, .ref = number, .dom = domid };
    long result;

    /* A page of this program, which Xen would map the grant over. */
    request.host_addr = (uint64_t)page;
    result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (unsigned long)&request, 1, 0, 0);
    return result ? result : request.status;
}

static long copy_from(uint16_t domid, unsigned long number)
{
    struct gnttab_copy request = {
        .source = { .u.ref = number, .domid = domid }, .dest = { .u.gmfn = 0, .domid = DOMID_SELF },
        .len = 16, .flags = GNTCOPY_source_gref,
    };
    long result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (unsigned long)&request, 1, 0, 0);

    return result ? result : request.status;
}

static long copy_to(uint16_t domid, unsigned long number)
{
    struct gnttab_copy request = {
        .source = { .u.gmfn = 0, .domid = DOMID_SELF }, .dest = { .u.ref = number, .domid = domid },
        .len = 16, .flags = GNTCOPY_dest_gref,
    };
    long result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (unsigned long)&request, 1, 0, 0);

    return result ? result : request.status;
}

static long setup_table(uint16_t domid, unsigned long number)
{
    struct gnttab_setup_table request = { .dom = domid, .nr_frames = 1 };
    long result;

    (void)number;
    set_xen_guest_handle(request.frame_list, (xen_pfn_t *)page);
    result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (unsigned long)&request, 1, 0, 0);
    return result ? result : request.status;
}

static long status_frames(uint16_t domid, unsigned long number)
{
    struct gnttab_get_status_frames request = { .dom = domid, .nr_frames = 1 };
    long result;

    (void)number;
    set_xen_guest_handle(request.frame_list, (uint64_t *)page);
    result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_get_status_frames, (unsigned long)&request, 1, 0, 0);
    return result ? result : request.status;
}

static long query_size(uint16_t domid, unsigned long number)
{
    struct gnttab_query_size request = { .dom = domid };
    long result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, (unsigned long)&request, 1, 0, 0);

    (void)number;
    return result ? result : request.status;
}

static long grant_version(uint16_t domid, unsigned long number)
{
    struct gnttab_get_version request = { .dom = domid };

    (void)number;
    return hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_get_version, (unsigned long)&request, 1, 0, 0);
}

static long shutdown(uint16_t domid, unsigned long number)
{
    struct sched_remote_shutdown request = { .domain_id = domid, .reason = SHUTDOWN_crash };

    (void)number;
    return call(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &request);
}

const struct attempt channel_attempts[] = {
    { "allocate-port", allocate },
    { "bind-any-port", bind_any },
    { "port-status", status },
    { "reset-ports", reset },
    { "map-grant", map_grant },
    { "copy-from-grant", copy_from },
    { "copy-to-grant", copy_to },
    { "grant-setup", setup_table },
    { "grant-status-frames", status_frames },
    { "grant-size", query_size },
    { "grant-version", grant_version },
    { "shutdown", shutdown },
    { 0 },
};
