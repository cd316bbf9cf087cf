/*
 * What hypercalls cost, told by a domain that does nothing else: the first domain that Xen starts, paravirtual, without a
 * kernel. Each call is made many times; the clock of the machine counts instructions (QEMU's -icount), so that the minimum and
 * the median are of the code and not of the machine that emulates it.
 *
 * A line per call on the debug port: `price NAME ROUNDS MINIMUM MEDIAN LOOKUPS MISSES`, the last two for all rounds together, or
 * `price NAME failed ERRNO`. Then `price done`.
 *
 * Entry and start info: xen/include/public/arch-x86/xen.h, xen.h ("start-of-day memory layout"), elfnote.h.
 */
#define __XEN_TOOLS__ 1
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/argo.h>
#include <xen/elfnote.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/version.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/xsm/flask_op.h>

#define PAGE 4096
#define DEBUG_PORT 0x300
#define ROUNDS 501
/* Fewer where the cache is emptied before each: Xen says so on its console, which takes far longer than the call. */
#define FORGETFUL_ROUNDS 11
#define str(x) #x
#define text(x) str(x)

/* An ELF note with a number in it; its name is "Xen". */
#define NOTE(type, kind, value) \
    asm(".pushsection .note.Xen, \"a\", @note\n.balign 4\n.long 4, 2f - 1f, " text(type) "\n.asciz \"Xen\"\n1: " kind " " value \
        "\n2: .balign 4\n.popsection")

NOTE(XEN_ELFNOTE_GUEST_OS, ".asciz", "\"price\"");
NOTE(XEN_ELFNOTE_XEN_VERSION, ".asciz", "\"xen-3.0\"");
NOTE(XEN_ELFNOTE_LOADER, ".asciz", "\"generic\"");
NOTE(XEN_ELFNOTE_PAE_MODE, ".asciz", "\"yes\"");
NOTE(XEN_ELFNOTE_VIRT_BASE, ".quad", "0xffffffff80000000");
NOTE(XEN_ELFNOTE_PADDR_OFFSET, ".quad", "0xffffffff80000000");
NOTE(XEN_ELFNOTE_ENTRY, ".quad", "start");
NOTE(XEN_ELFNOTE_HYPERCALL_PAGE, ".quad", "hypercall_page");

asm(".text\n.globl start\nstart: lea stack_top(%rip), %rsp\nmov %rsi, %rdi\ncall run\n1: jmp 1b\n"
    ".balign 4096\n.globl hypercall_page\nhypercall_page: .skip 4096\n"
    ".bss\n.balign 4096\n.skip 65536\nstack_top:\n.text");

extern char hypercall_page[];

static long hypercall(unsigned int number, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    register unsigned long r10 asm("r10") = d;
    void *entry = hypercall_page + number * 32;
    long result;

    asm volatile("call *%[entry]"
                 : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                 : [entry] "r"(entry)
                 : "rcx", "r8", "r9", "r11", "memory");
    return result;
}

#define CALL(name, a, b, c, d) \
    hypercall(__HYPERVISOR_##name, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), (unsigned long)(d))

/* The same, with a fifth argument. */
static long argo(unsigned long operation, const void *a, const void *b, unsigned long c, unsigned long d)
{
    register unsigned long r10 asm("r10") = c;
    register unsigned long r8 asm("r8") = d;
    void *entry = hypercall_page + __HYPERVISOR_argo_op * 32;
    long result;

    asm volatile("call *%[entry]"
                 : "=a"(result), "+D"(operation), "+S"(a), "+d"(b), "+r"(r10), "+r"(r8)
                 : [entry] "r"(entry)
                 : "rcx", "r9", "r11", "memory");
    return result;
}

void *memset(void *at, int value, size_t size)
{
    for (char *byte = at; size; size--)
        *byte++ = value;
    return at;
}

/* Instructions so far: with `-icount shift=0` one is a nanosecond, and the TSC of the emulated processor runs at 1 GHz. */
static inline uint64_t now(void)
{
    uint32_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static char line[256];
static size_t used;

static void put(const char *what)
{
    while (*what && used < sizeof(line))
        line[used++] = *what++;
}

static void put_number(uint64_t value)
{
    char digits[24], *at = digits + sizeof(digits) - 1;

    *at = 0;
    do
        *--at = '0' + value % 10;
    while (value /= 10);
    put(" ");
    put(at);
}

static void end_line(void)
{
    put("\n");
    for (size_t i = 0; i < used; i++)
        asm volatile("outb %0, %1" ::"a"(line[i]), "d"((uint16_t)DEBUG_PORT));
    used = 0;
}

static const start_info_t *info;
static evtchn_port_t port;
static grant_ref_t reference = 8;
static char shared[PAGE] __attribute__((aligned(PAGE)));
static char window[PAGE] __attribute__((aligned(PAGE)));
static char table[PAGE] __attribute__((aligned(PAGE)));

static uint64_t frame_of(const void *page)
{
    return ((const uint64_t *)info->mfn_list)[((uint64_t)page - 0xffffffff80000000UL) / PAGE];
}

/* Present, writable, accessed, dirty. */
static uint64_t entry_of(uint64_t frame)
{
    return frame * PAGE | 0x63;
}

static long nothing(void)
{
    return 0;
}

/* xen_version is not checked for what every domain may know. */
static long version(void)
{
    return CALL(xen_version, XENVER_version, 0, 0, 0);
}

static long version_checked(void)
{
    xen_extraversion_t extra;

    return CALL(xen_version, XENVER_extraversion, extra, 0, 0);
}

static long event_send(void)
{
    struct evtchn_send send = { .port = port };

    return CALL(event_channel_op, EVTCHNOP_send, &send, 0, 0);
}

static long event_status(void)
{
    struct evtchn_status status = { .dom = DOMID_SELF, .port = port };

    return CALL(event_channel_op, EVTCHNOP_status, &status, 0, 0);
}

static long event_make(void)
{
    struct evtchn_alloc_unbound unbound = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    long result = CALL(event_channel_op, EVTCHNOP_alloc_unbound, &unbound, 0, 0);
    struct evtchn_close close = { .port = unbound.port };

    return result ? result : CALL(event_channel_op, EVTCHNOP_close, &close, 0, 0);
}

static long grant_query(void)
{
    struct gnttab_query_size query = { .dom = DOMID_SELF };

    return CALL(grant_table_op, GNTTABOP_query_size, &query, 1, 0);
}

static long grant_map(void)
{
    struct gnttab_map_grant_ref map = {
        .host_addr = (uint64_t)window, .flags = GNTMAP_host_map, .ref = reference, .dom = 0,
    };
    struct gnttab_unmap_grant_ref unmap = { .host_addr = (uint64_t)window };
    long result = CALL(grant_table_op, GNTTABOP_map_grant_ref, &map, 1, 0);

    if (result || map.status)
        return result ? result : map.status;
    unmap.handle = map.handle;
    result = CALL(grant_table_op, GNTTABOP_unmap_grant_ref, &unmap, 1, 0);
    return result ? result : unmap.status;
}

static long grant_copy(void)
{
    struct gnttab_copy copy = {
        .source = { .u.ref = reference, .domid = 0 },
        .dest = { .u.gmfn = frame_of(table), .domid = DOMID_SELF },
        .len = 16,
        .flags = GNTCOPY_source_gref,
    };
    long result = CALL(grant_table_op, GNTTABOP_copy, &copy, 1, 0);

    return result ? result : copy.status;
}

static long page_table(void)
{
    return CALL(update_va_mapping, table, entry_of(frame_of(table)), 0, 0);
}

static long domain_info(void)
{
    static struct xen_domctl control;

    control.cmd = XEN_DOMCTL_getdomaininfo;
    control.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    control.domain = 0;
    return CALL(domctl, &control, 0, 0, 0);
}

static long system_info(void)
{
    static struct xen_sysctl control;

    control.cmd = XEN_SYSCTL_physinfo;
    control.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return CALL(sysctl, &control, 0, 0, 0);
}

/* is_hardware_domain() is asked once in each of the following. */
static long features(void)
{
    xen_feature_info_t feature = { .submap_idx = 0 };

    return CALL(xen_version, XENVER_get_features, &feature, 0, 0);
}

static long machine_to_physical(void)
{
    xen_machphys_mapping_t mapping;

    return CALL(memory_op, XENMEM_machphys_mapping, &mapping, 0, 0);
}

/* Vendor and device of the bridge between processor and PCI: an instruction that Xen answers for. */
static long pci_read(void)
{
    uint32_t value;

    asm volatile("inl %1, %0" : "=a"(value) : "d"((uint16_t)0xcfc));
    return value == 0xffffffff ? -1 : 0;
}

/* Of our series (xen/include/public/argo.h); no installed header has links. */
#define DOMID_LINK 0x7ff8
#define ARGO_OP_CONNECT 5
/* Our ports: who sends, who takes what is sent to a domain that is named, and who takes what comes through the link. */
enum { SENDER = 1, NAMED, LINKED };

/* Two rings of a page each. */
static char rings[2][PAGE] __attribute__((aligned(PAGE)));

/* A message of 64 bytes, which is taken at once. */
static long argo_send(uint16_t domid, uint32_t to, xen_argo_ring_t *ring)
{
    xen_argo_send_addr_t way = { .src = { .aport = SENDER }, .dst = { .aport = to, .domain_id = domid } };
    xen_argo_iov_t vector = { .iov_len = 64 };
    long result;

    set_xen_guest_handle(vector.iov_hnd, (uint8_t *)shared);
    result = argo(XEN_ARGO_OP_sendv, &way, &vector, 1, 0);
    ring->rx_ptr = ring->tx_ptr;
    return result;
}

static long argo_send_named(void)
{
    return argo_send(0, NAMED, (xen_argo_ring_t *)rings[0]);
}

static long argo_send_linked(void)
{
    return argo_send(XEN_ARGO_DOMID_ANY, 0, (xen_argo_ring_t *)rings[1]);
}

static long prepare_argo(void)
{
    xen_argo_send_addr_t link = { .src = { .aport = SENDER }, .dst = { .aport = LINKED } };
    long result = 0;

    for (unsigned int i = 0; i < 2 && !result; i++) {
        xen_argo_register_ring_t request = {
            .aport = NAMED + i, .partner_id = i ? DOMID_LINK : 0, .len = PAGE - sizeof(xen_argo_ring_t),
        };
        xen_argo_gfn_t frame = frame_of(rings[i]);

        result = argo(XEN_ARGO_OP_register_ring, &request, &frame, 1, 0);
    }
    return result ? result : argo(ARGO_OP_CONNECT, &link, 0, 0, 0);
}

static struct xen_flask_op flask(uint32_t command, uint32_t value)
{
    struct xen_flask_op op = { .cmd = command, .interface_version = XEN_FLASK_INTERFACE_VERSION };

    op.u.enforce.enforcing = value;
    return op;
}

static int has_flask;

/* Enforcement that is turned off and on again empties the access vector cache. */
static void forget(void)
{
    for (uint32_t on = 0; on < 2; on++) {
        struct xen_flask_op op = flask(FLASK_SETENFORCE, on);

        CALL(xsm_op, &op, 0, 0, 0);
    }
}

static struct xen_flask_cache_stats cache(void)
{
    struct xen_flask_op op = flask(FLASK_AVC_CACHESTATS, 0);

    if (!has_flask)
        memset(&op.u, 0, sizeof(op.u));
    else
        CALL(xsm_op, &op, 0, 0, 0);
    return op.u.cache_stats;
}

static void sort(uint64_t *values, unsigned int count)
{
    for (unsigned int i = 1; i < count; i++)
        for (unsigned int j = i; j && values[j - 1] > values[j]; j--) {
            uint64_t lower = values[j];

            values[j] = values[j - 1];
            values[j - 1] = lower;
        }
}

static void price(const char *name, long (*call)(void), int forgetful)
{
    static uint64_t times[ROUNDS];
    struct xen_flask_cache_stats before, after;
    unsigned int rounds = forgetful ? FORGETFUL_ROUNDS : ROUNDS;
    long result = call();

    put("price ");
    put(name);
    put(forgetful ? "/forgotten" : "");
    before = cache();
    for (unsigned int round = 0; round < rounds && result >= 0; round++) {
        uint64_t begin;

        if (forgetful)
            forget();
        begin = now();
        result = call();
        times[round] = now() - begin;
    }
    after = cache();
    if (result < 0) {
        put(" failed");
        put_number(-result);
    } else {
        sort(times, rounds);
        put_number(rounds);
        put_number(times[0]);
        put_number(times[rounds / 2]);
        put_number(after.lookups - before.lookups);
        put_number(after.misses - before.misses);
    }
    end_line();
}

static const struct {
    const char *name;
    long (*call)(void);
} calls[] = {
    { "nothing", nothing },
    { "version", version },
    { "extraversion", version_checked },
    { "evtchn_send", event_send },
    { "evtchn_status", event_status },
    { "evtchn_alloc_close", event_make },
    { "gnttab_query_size", grant_query },
    { "gnttab_map_unmap", grant_map },
    { "gnttab_copy", grant_copy },
    { "update_va_mapping", page_table },
    { "getdomaininfo", domain_info },
    { "physinfo", system_info },
    { "get_features", features },
    { "machphys_mapping", machine_to_physical },
    { "pci_config_read", pci_read },
    { "argo_send_named", argo_send_named },
    { "argo_send_linked", argo_send_linked },
};

/* An event channel to ourselves, a page that we grant ourselves, a link between ports of ours, and whether there is FLASK. */
static long prepare(void)
{
    struct evtchn_alloc_unbound unbound = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain bind = { .remote_dom = DOMID_SELF };
    xen_pfn_t frame;
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
    struct xen_flask_op op = flask(FLASK_GETENFORCE, 0);
    grant_entry_v1_t *entries = (void *)window;
    long result = CALL(event_channel_op, EVTCHNOP_alloc_unbound, &unbound, 0, 0);

    has_flask = CALL(xsm_op, &op, 0, 0, 0) >= 0;
    bind.remote_port = unbound.port;
    if (!result)
        result = CALL(event_channel_op, EVTCHNOP_bind_interdomain, &bind, 0, 0);
    port = bind.local_port;
    set_xen_guest_handle(setup.frame_list, &frame);
    if (!result)
        result = CALL(grant_table_op, GNTTABOP_setup_table, &setup, 1, 0);
    if (!result && setup.status)
        result = setup.status;
    if (!result)
        result = CALL(update_va_mapping, window, entry_of(frame), UVMF_INVLPG, 0);
    if (!result) {
        entries[reference].domid = 0;
        entries[reference].frame = frame_of(shared);
        __sync_synchronize();
        entries[reference].flags = GTF_permit_access;
        result = CALL(update_va_mapping, window, entry_of(frame_of(window)), UVMF_INVLPG, 0);
    }
    return result ? result : prepare_argo();
}

void run(const start_info_t *start)
{
    long result;

    struct physdev_set_iopl iopl = { .iopl = 1 };

    info = start;
    CALL(physdev_op, PHYSDEVOP_set_iopl, &iopl, 0, 0);
    asm volatile("outl %0, %1" ::"a"(0x80000000), "d"((uint16_t)0xcf8));
    result = prepare();
    if (result) {
        put("price preparation failed");
        put_number(result < 0 ? -result : result);
        end_line();
    }
    for (unsigned int i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        price(calls[i].name, calls[i].call, 0);
        if (has_flask)
            price(calls[i].name, calls[i].call, 1);
    }
    put("price done");
    end_line();
    for (;;)
        CALL(sched_op, SCHEDOP_yield, 0, 0, 0);
}
