/* The policy itself, and labels: xsm/flask_op.h. */
#include "prober.h"
#include <xen/xsm/flask_op.h>

static char context[] = "system_u:system_r:dom0_t";

static long flask(struct xen_flask_op *request, uint32_t command)
{
    request->cmd = command;
    request->interface_version = XEN_FLASK_INTERFACE_VERSION;
    return hypercall(__HYPERVISOR_xsm_op, (unsigned long)request, 0, 0, 0, 0);
}

/* The number says which: those whose request may be empty. */
static long plain(uint16_t domid, unsigned long command)
{
    struct xen_flask_op request = { 0 };

    (void)domid;
    return flask(&request, command);
}

static long load(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.load.size = sizeof(page) };

    (void)domid, (void)number;
    set_xen_guest_handle(request.u.load.buffer, (char *)page);
    return flask(&request, FLASK_LOAD);
}

static long context_to_sid(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.sid_context.size = sizeof(context) - 1 };
    long result;

    (void)domid, (void)number;
    set_xen_guest_handle(request.u.sid_context.context, context);
    result = flask(&request, FLASK_CONTEXT_TO_SID);
    return result ? result : (long)request.u.sid_context.sid;
}

static long set_boolean(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.boolean = { .bool_id = number, .new_value = 1, .commit = 1 } };

    (void)domid;
    return flask(&request, FLASK_SETBOOL);
}

static long set_threshold(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.setavc_threshold.threshold = number };

    (void)domid;
    return flask(&request, FLASK_SETAVC_THRESHOLD);
}

/* A label for an interrupt line, the number's. */
static long add_label(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.ocontext = { .ocon = 1, .sid = 12, .low = number, .high = number } };

    (void)domid;
    return flask(&request, FLASK_ADD_OCONTEXT);
}

static long remove_label(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.ocontext = { .ocon = 1, .low = number, .high = number } };

    (void)domid;
    return flask(&request, FLASK_DEL_OCONTEXT);
}

/* The number is the SID of the label that the domain is to get. */
static long relabel(uint16_t domid, unsigned long number)
{
    struct xen_flask_op request = { .u.relabel = { .domid = domid, .sid = number } };

    return flask(&request, FLASK_RELABEL_DOMAIN);
}

const struct attempt policy_attempts[] = {
    { "flask", plain },
    { "load-policy", load },
    { "context-to-sid", context_to_sid },
    { "set-boolean", set_boolean },
    { "set-cache-threshold", set_threshold },
    { "add-label", add_label },
    { "remove-label", remove_label },
    { "relabel", relabel },
    { 0 },
};
