/* The hypervisor and the machine: sysctl.h, platform.h, and hypercalls of their own. */
#include "prober.h"
#include <xen/sysctl.h>
#include <xen/platform.h>
#include <xen/kexec.h>
#include <xen/hypfs.h>
#include <xen/pmu.h>
#include <xen/xenoprof.h>
#include <xen/arch-x86/xen-mca.h>

/* The number says which. */
static long sysctl(uint16_t domid, unsigned long number)
{
    struct xen_sysctl *request = (struct xen_sysctl *)page;

    (void)domid;
    request->cmd = number;
    request->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall(__HYPERVISOR_sysctl, (unsigned long)request, 0, 0, 0, 0);
}

/* The number says which of its kinds. */
static long sysctl_scheduler(uint16_t domid, unsigned long number)
{
    struct xen_sysctl *request = (struct xen_sysctl *)page;

    request->u.scheduler_op.cmd = number;
    return sysctl(domid, XEN_SYSCTL_scheduler_op);
}

static long page_offline(uint16_t domid, unsigned long number)
{
    struct xen_sysctl *request = (struct xen_sysctl *)page;

    request->u.page_offline.cmd = number;
    return sysctl(domid, XEN_SYSCTL_page_offline_op);
}

static long clear_console(uint16_t domid, unsigned long number)
{
    struct xen_sysctl *request = (struct xen_sysctl *)page;

    (void)number;
    request->u.readconsole.clear = 1;
    return sysctl(domid, XEN_SYSCTL_readconsole);
}

static long platform(uint16_t domid, unsigned long number)
{
    struct xen_platform_op *request = (struct xen_platform_op *)page;

    (void)domid;
    request->cmd = number;
    request->interface_version = XENPF_INTERFACE_VERSION;
    return hypercall(__HYPERVISOR_platform_op, (unsigned long)request, 0, 0, 0, 0);
}

static long kexec(uint16_t domid, unsigned long number)
{
    (void)domid;
    return call(__HYPERVISOR_kexec_op, number, page);
}

static long machine_check(uint16_t domid, unsigned long number)
{
    struct xen_mc *request = (struct xen_mc *)page;

    (void)domid;
    request->cmd = number;
    request->interface_version = XEN_MCA_INTERFACE_VERSION;
    return hypercall(__HYPERVISOR_mca, (unsigned long)request, 0, 0, 0, 0);
}

static long hypfs(uint16_t domid, unsigned long number)
{
    static const char path[] = "/params";

    (void)domid;
    return hypercall(__HYPERVISOR_hypfs_op, number, (unsigned long)path, sizeof(path), (unsigned long)page, sizeof(page));
}

static long read_console(uint16_t domid, unsigned long number)
{
    (void)domid, (void)number;
    return hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, 1, (unsigned long)page, 0, 0);
}

static long performance_unit(uint16_t domid, unsigned long number)
{
    struct xen_pmu_params *request = (struct xen_pmu_params *)page;

    (void)domid;
    request->version.maj = XENPMU_VER_MAJ;
    request->version.min = XENPMU_VER_MIN;
    return call(__HYPERVISOR_xenpmu_op, number, request);
}

static long profile(uint16_t domid, unsigned long number)
{
    (void)domid;
    return call(__HYPERVISOR_xenoprof_op, number, page);
}

static long argo(uint16_t domid, unsigned long number)
{
    (void)domid;
    return hypercall(__HYPERVISOR_argo_op, number, (unsigned long)page, 0, 0, 0);
}

static long transcendent_memory(uint16_t domid, unsigned long number)
{
    (void)domid, (void)number;
    return hypercall(__HYPERVISOR_tmem_op, (unsigned long)page, 0, 0, 0, 0);
}

static long version(uint16_t domid, unsigned long number)
{
    (void)domid;
    return call(__HYPERVISOR_xen_version, number, page);
}

const struct attempt platform_attempts[] = {
    { "sysctl", sysctl },
    { "sysctl-scheduler", sysctl_scheduler },
    { "page-offline", page_offline },
    { "clear-console", clear_console },
    { "platform", platform },
    { "kexec", kexec },
    { "machine-check", machine_check },
    { "hypfs", hypfs },
    { "read-console", read_console },
    { "performance-unit", performance_unit },
    { "profile", profile },
    { "argo", argo },
    { "transcendent-memory", transcendent_memory },
    { "version", version },
    { 0 },
};
