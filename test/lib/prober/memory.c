/* Others' memory: memory.h, mappings of a PV domain, and what Linux's privcmd maps. */
#include "prober.h"
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/memory.h>
#include <xen/sys/privcmd.h>

/* Pages that Xen is asked to map something over; Linux takes them for itself only with privcmd's own calls. */
static unsigned char window[4096] __attribute__((aligned(4096)));

/* The number is a frame: of the other domain's machine memory when this one is PV, else of its physical memory. */
static long map(uint16_t domid, unsigned long number)
{
    void *address = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
    xen_pfn_t frame = number;
    int result = 0;
    privcmd_mmapbatch_v2_t request = { .num = 1, .dom = domid, .addr = (uint64_t)address, .arr = &frame, .err = &result };
    long refused;

    if (address == MAP_FAILED)
        return -errno;
    refused = ioctl(privcmd, IOCTL_PRIVCMD_MMAPBATCH_V2, &request) ? -errno : 0;
    munmap(address, 4096);
    /* Linux says ENOENT when a page is missing, and what Xen said of each page. */
    return result ? result : refused;
}

static long update_va_mapping(uint16_t domid, unsigned long number)
{
    /* Present and writable, for user space. */
    unsigned long entry = number << 12 | 7;

    return hypercall(__HYPERVISOR_update_va_mapping_otherdomain, (unsigned long)window, entry, 0, domid, 0);
}

static long mmu_extended(uint16_t domid, unsigned long number)
{
    struct mmuext_op operation = { .cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = number };

    return hypercall(__HYPERVISOR_mmuext_op, (unsigned long)&operation, 1, 0, domid, 0);
}

/* The table of physical frames' owners is written for another domain. */
static long mmu_update(uint16_t domid, unsigned long number)
{
    struct mmu_update operation = { .ptr = number << 12 | MMU_MACHPHYS_UPDATE, .val = 0 };

    return hypercall(__HYPERVISOR_mmu_update, (unsigned long)&operation, 1, 0, domid, 0);
}

static long reserve(uint16_t domid, unsigned long command)
{
    static xen_pfn_t frame = 0x1000;
    struct xen_memory_reservation request = { .nr_extents = 1, .domid = domid };

    set_xen_guest_handle(request.extent_start, &frame);
    return call(__HYPERVISOR_memory_op, command, &request);
}

static long ask(uint16_t domid, unsigned long command)
{
    struct xen_memory_domain request = { .domid = domid };

    return call(__HYPERVISOR_memory_op, command, &request);
}

static long add_foreign(uint16_t domid, unsigned long number)
{
    static xen_ulong_t index;
    static xen_pfn_t frame = 0x1000;
    static int result;
    struct xen_add_to_physmap_batch request = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign, .size = 1, .u.foreign_domid = domid,
    };
    long refused;

    index = number;
    result = 0;
    set_xen_guest_handle(request.idxs, &index);
    set_xen_guest_handle(request.gpfns, &frame);
    set_xen_guest_handle(request.errs, &result);
    refused = call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &request);
    return refused ? refused : result;
}

static long add_to_physmap(uint16_t domid, unsigned long number)
{
    struct xen_add_to_physmap request = { .domid = domid, .space = XENMAPSPACE_shared_info, .gpfn = number };

    return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &request);
}

static long remove_from_physmap(uint16_t domid, unsigned long number)
{
    struct xen_remove_from_physmap request = { .domid = domid, .gpfn = number };

    return call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &request);
}

static long acquire(uint16_t domid, unsigned long type)
{
    struct xen_mem_acquire_resource request = { .domid = domid, .type = type, .nr_frames = 1 };

    set_xen_guest_handle(request.frame_list, (xen_pfn_t *)page);
    return call(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &request);
}

static long access_op(uint16_t domid, unsigned long number)
{
    struct xen_mem_access_op request = { .op = XENMEM_access_op_get_access, .domid = domid, .pfn = number };

    return call(__HYPERVISOR_memory_op, XENMEM_access_op, &request);
}

static long paging(uint16_t domid, unsigned long number)
{
    struct xen_mem_paging_op request = { .op = XENMEM_paging_op_evict, .domain = domid, .gfn = number };

    return call(__HYPERVISOR_memory_op, XENMEM_paging_op, &request);
}

static long sharing(uint16_t domid, unsigned long number)
{
    struct xen_mem_sharing_op request = { .op = XENMEM_sharing_op_nominate_gfn, .domain = domid, .u.nominate.u.gfn = number };

    return call(__HYPERVISOR_memory_op, XENMEM_sharing_op, &request);
}

static long claim(uint16_t domid, unsigned long number)
{
    struct xen_memory_reservation request = { .nr_extents = number, .domid = domid };

    return call(__HYPERVISOR_memory_op, XENMEM_claim_pages, &request);
}

static long exchange(uint16_t domid, unsigned long number)
{
    static xen_pfn_t in, out;
    struct xen_memory_exchange request = {
        .in = { .nr_extents = 1, .domid = domid }, .out = { .nr_extents = 1, .domid = domid },
    };

    in = out = number;
    set_xen_guest_handle(request.in.extent_start, &in);
    set_xen_guest_handle(request.out.extent_start, &out);
    return call(__HYPERVISOR_memory_op, XENMEM_exchange, &request);
}

static long set_memory_map(uint16_t domid, unsigned long number)
{
    struct xen_foreign_memory_map request = { .domid = domid };

    (void)number;
    set_xen_guest_handle(request.map.buffer, page);
    return call(__HYPERVISOR_memory_op, XENMEM_set_memory_map, &request);
}

static long machine_memory_map(uint16_t domid, unsigned long number)
{
    struct xen_memory_map request = { .nr_entries = 100 };

    (void)domid, (void)number;
    set_xen_guest_handle(request.buffer, page);
    return call(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &request);
}

static long nodes(uint16_t domid, unsigned long number)
{
    struct xen_vnuma_topology_info request = { .domid = domid };

    (void)number;
    return call(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, &request);
}

static long on_demand(uint16_t domid, unsigned long command)
{
    struct xen_pod_target request = { .domid = domid };

    return call(__HYPERVISOR_memory_op, command, &request);
}

const struct attempt memory_attempts[] = {
    { "map", map },
    { "update-va-mapping", update_va_mapping },
    { "mmu-extended", mmu_extended },
    { "mmu-update", mmu_update },
    { "reserve", reserve },
    { "ask-memory", ask },
    { "add-foreign", add_foreign },
    { "add-to-physmap", add_to_physmap },
    { "remove-from-physmap", remove_from_physmap },
    { "acquire", acquire },
    { "memory-access", access_op },
    { "memory-paging", paging },
    { "memory-sharing", sharing },
    { "claim", claim },
    { "exchange", exchange },
    { "set-memory-map", set_memory_map },
    { "machine-memory-map", machine_memory_map },
    { "get-nodes", nodes },
    { "on-demand", on_demand },
    { 0 },
};
