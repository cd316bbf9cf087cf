/* Control of domains: xen/include/public/domctl.h. */
#include "prober.h"

long domctl(struct xen_domctl *request, uint32_t command, uint16_t domid)
{
    request->cmd = command;
    request->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    request->domain = domid;
    return hypercall(__HYPERVISOR_domctl, (unsigned long)request, 0, 0, 0, 0);
}

/* Those that are refused, or not, whatever else they ask. */
#define PLAIN(function, command)                                                                                           \
    static long function(uint16_t domid, unsigned long number)                                                             \
    {                                                                                                                      \
        struct xen_domctl request = { 0 };                                                                                 \
                                                                                                                           \
        (void)number;                                                                                                      \
        return domctl(&request, XEN_DOMCTL_##command, domid);                                                              \
    }

PLAIN(destroy, destroydomain)
PLAIN(pause_domain, pausedomain)
PLAIN(unpause, unpausedomain)
PLAIN(resume, resumedomain)
PLAIN(get_info, getdomaininfo)
PLAIN(set_vcpu_affinity, setvcpuaffinity)
PLAIN(get_vcpu_affinity, getvcpuaffinity)
PLAIN(set_node_affinity, setnodeaffinity)
PLAIN(get_node_affinity, getnodeaffinity)
PLAIN(set_vcpu_context, setvcpucontext)
PLAIN(get_vcpu_info, getvcpuinfo)
PLAIN(set_extended_context, set_ext_vcpucontext)
PLAIN(get_extended_context, get_ext_vcpucontext)
PLAIN(set_extended_state, setvcpuextstate)
PLAIN(get_extended_state, getvcpuextstate)
PLAIN(set_msrs, set_vcpu_msrs)
PLAIN(get_msrs, get_vcpu_msrs)
PLAIN(set_max_vcpus, max_vcpus)
PLAIN(set_max_memory, max_mem)
PLAIN(set_handle, setdomainhandle)
PLAIN(single_step, debug_op)
PLAIN(read_by_gdbsx, gdbsx_guestmemio)
PLAIN(pause_by_gdbsx, gdbsx_pausevcpu)
PLAIN(unpause_by_gdbsx, gdbsx_unpausevcpu)
PLAIN(state_by_gdbsx, gdbsx_domstatus)
PLAIN(trace_vcpu, vmtrace_op)
PLAIN(hypercall_page, hypercall_init)
PLAIN(set_time_offset, settimeoffset)
PLAIN(set_address_size, set_address_size)
PLAIN(get_address_size, get_address_size)
PLAIN(send_trigger, sendtrigger)
PLAIN(subscribe, subscribe)
PLAIN(set_virq_handler, set_virq_handler)
PLAIN(set_cpu_policy, set_cpu_policy)
PLAIN(get_cpu_policy, get_cpu_policy)
PLAIN(get_tsc, gettscinfo)
PLAIN(set_tsc, settscinfo)
PLAIN(cache_monitoring, psr_cmt_op)
PLAIN(cache_allocation, psr_alloc)
PLAIN(monitor, monitor_op)
PLAIN(access_required, set_access_required)
PLAIN(soft_reset, soft_reset)
PLAIN(flush_caches, cacheflush)
PLAIN(set_paging_pool, set_paging_mempool_size)
PLAIN(get_paging_pool, get_paging_mempool_size)
PLAIN(set_hvm_context, sethvmcontext)
PLAIN(get_hvm_context, gethvmcontext)
PLAIN(get_hvm_context_part, gethvmcontext_partial)
PLAIN(share_memory, mem_sharing_op)
PLAIN(audit_p2m, audit_p2m)
/* Of our series, and in no installed header. */
#define XEN_DOMCTL_get_permissions 900
#define XEN_DOMCTL_get_creation 901
#define XEN_DOMCTL_get_evtchns 902
PLAIN(get_permissions, get_permissions)
PLAIN(get_creation, get_creation)
PLAIN(get_evtchns, get_evtchns)
PLAIN(unknown, vuart_op)

static long get_vcpu_context(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { 0 };

    (void)number;
    set_xen_guest_handle(request.u.vcpucontext.ctxt, (vcpu_guest_context_t *)page);
    return domctl(&request, XEN_DOMCTL_getvcpucontext, domid);
}

static long set_debugging(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.setdebugging.enable = 1 };

    (void)number;
    return domctl(&request, XEN_DOMCTL_setdebugging, domid);
}

static long scheduler(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.scheduler_op = { .sched_id = XEN_SCHEDULER_CREDIT2, .cmd = number } };

    return domctl(&request, XEN_DOMCTL_scheduler_op, domid);
}

static long set_target(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.set_target.target = number };

    return domctl(&request, XEN_DOMCTL_set_target, domid);
}

/* One node, which has all of the domain's memory. */
static long set_nodes(uint16_t domid, unsigned long number)
{
    static unsigned int distance = 10, vcpu_to_node, virtual_to_physical;
    static xen_vmemrange_t range = { .start = 0, .end = 1 << 20 };
    struct xen_domctl request = { .u.vnuma = { .nr_vnodes = 1, .nr_vmemranges = 1, .nr_vcpus = 1 } };

    (void)number;
    set_xen_guest_handle(request.u.vnuma.vdistance, &distance);
    set_xen_guest_handle(request.u.vnuma.vcpu_to_vnode, &vcpu_to_node);
    set_xen_guest_handle(request.u.vnuma.vnode_to_pnode, &virtual_to_physical);
    set_xen_guest_handle(request.u.vnuma.vmemrange, &range);
    return domctl(&request, XEN_DOMCTL_setvnumainfo, domid);
}

static long vm_event(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.vm_event_op = { .op = XEN_VM_EVENT_ENABLE, .mode = XEN_DOMCTL_VM_EVENT_OP_MONITOR } };

    (void)number;
    return domctl(&request, XEN_DOMCTL_vm_event_op, domid);
}

static long page_info(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.getpageframeinfo3.num = 1 };

    (void)number;
    set_xen_guest_handle(request.u.getpageframeinfo3.array, (xen_pfn_t *)page);
    return domctl(&request, XEN_DOMCTL_getpageframeinfo3, domid);
}

static long shadow(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.shadow_op.op = number };

    return domctl(&request, XEN_DOMCTL_shadow_op, domid);
}

/* A domain with a label: the number is its SID. The domid is the one that it is to have. */
static long create(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = {
        .u.createdomain = {
            .ssidref = number, .max_vcpus = 1, .max_evtchn_port = -1, .max_grant_frames = 1,
            .grant_opts = XEN_DOMCTL_GRANT_version(1),
        },
    };

    return domctl(&request, XEN_DOMCTL_createdomain, domid);
}

/* The label that the domain has; only who may look at it learns that. */
static long label_of(uint16_t domid)
{
    struct xen_domctl request = { 0 };
    long refused = domctl(&request, XEN_DOMCTL_getdomaininfo, domid);

    return refused ? refused : (long)request.u.getdomaininfo.ssidref;
}

/* A domain with the label that this one has. The number is the domid that it is to have. */
static long create_like(uint16_t domid, unsigned long number)
{
    long label = label_of(domid);

    return label < 0 ? label : create(number, label);
}

const struct attempt domain_attempts[] = {
    { "destroy", destroy },
    { "pause", pause_domain },
    { "unpause", unpause },
    { "resume", resume },
    { "get-info", get_info },
    { "set-vcpu-affinity", set_vcpu_affinity },
    { "get-vcpu-affinity", get_vcpu_affinity },
    { "set-node-affinity", set_node_affinity },
    { "get-node-affinity", get_node_affinity },
    { "set-vcpu-context", set_vcpu_context },
    { "get-vcpu-context", get_vcpu_context },
    { "get-vcpu-info", get_vcpu_info },
    { "set-extended-context", set_extended_context },
    { "get-extended-context", get_extended_context },
    { "set-extended-state", set_extended_state },
    { "get-extended-state", get_extended_state },
    { "set-msrs", set_msrs },
    { "get-msrs", get_msrs },
    { "set-max-vcpus", set_max_vcpus },
    { "set-max-memory", set_max_memory },
    { "set-handle", set_handle },
    { "set-debugging", set_debugging },
    { "single-step", single_step },
    { "read-by-gdbsx", read_by_gdbsx },
    { "pause-by-gdbsx", pause_by_gdbsx },
    { "unpause-by-gdbsx", unpause_by_gdbsx },
    { "state-by-gdbsx", state_by_gdbsx },
    { "trace-vcpu", trace_vcpu },
    { "hypercall-page", hypercall_page },
    { "set-time-offset", set_time_offset },
    { "set-address-size", set_address_size },
    { "get-address-size", get_address_size },
    { "send-trigger", send_trigger },
    { "subscribe", subscribe },
    { "set-virq-handler", set_virq_handler },
    { "set-cpu-policy", set_cpu_policy },
    { "get-cpu-policy", get_cpu_policy },
    { "get-tsc", get_tsc },
    { "set-tsc", set_tsc },
    { "cache-monitoring", cache_monitoring },
    { "cache-allocation", cache_allocation },
    { "monitor", monitor },
    { "access-required", access_required },
    { "soft-reset", soft_reset },
    { "flush-caches", flush_caches },
    { "set-paging-pool", set_paging_pool },
    { "get-paging-pool", get_paging_pool },
    { "set-hvm-context", set_hvm_context },
    { "get-hvm-context", get_hvm_context },
    { "get-hvm-context-part", get_hvm_context_part },
    { "share-memory", share_memory },
    { "audit-p2m", audit_p2m },
    { "get-permissions", get_permissions },
    { "get-creation", get_creation },
    { "get-event-channels", get_evtchns },
    { "unknown-domctl", unknown },
    { "scheduler", scheduler },
    { "set-target", set_target },
    { "set-nodes", set_nodes },
    { "vm-event", vm_event },
    { "page-info", page_info },
    { "shadow", shadow },
    { "create", create },
    { "create-like", create_like },
    { 0 },
};
