/* Devices, interrupts, ports and device memory: physdev.h, and the domctls that give them away. */
#include "prober.h"
#include <xen/physdev.h>

static long iomem(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.iomem_permission = { .first_mfn = number, .nr_mfns = 1, .allow_access = 1 } };

    return domctl(&request, XEN_DOMCTL_iomem_permission, domid);
}

static long iomem_away(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.iomem_permission = { .first_mfn = number, .nr_mfns = 1 } };

    return domctl(&request, XEN_DOMCTL_iomem_permission, domid);
}

static long map_iomem(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = {
        .u.memory_mapping = { .first_gfn = 0xf0000 + number % 256, .first_mfn = number, .nr_mfns = 1, .add_mapping = 1 },
    };

    return domctl(&request, XEN_DOMCTL_memory_mapping, domid);
}

static long ioport(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.ioport_permission = { .first_port = number, .nr_ports = 1, .allow_access = 1 } };

    return domctl(&request, XEN_DOMCTL_ioport_permission, domid);
}

static long map_ioport(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = {
        .u.ioport_mapping = { .first_gport = number, .first_mport = number, .nr_ports = 1, .add_mapping = 1 },
    };

    return domctl(&request, XEN_DOMCTL_ioport_mapping, domid);
}

static long irq(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.irq_permission = { .pirq = number, .allow_access = 1 } };

    return domctl(&request, XEN_DOMCTL_irq_permission, domid);
}

static long irq_away(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.irq_permission = { .pirq = number } };

    return domctl(&request, XEN_DOMCTL_irq_permission, domid);
}

static long bind_irq(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.bind_pt_irq = { .machine_irq = number, .irq_type = PT_IRQ_TYPE_PCI } };

    return domctl(&request, XEN_DOMCTL_bind_pt_irq, domid);
}

static long unbind_irq(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.bind_pt_irq = { .machine_irq = number, .irq_type = PT_IRQ_TYPE_PCI } };

    return domctl(&request, XEN_DOMCTL_unbind_pt_irq, domid);
}

/* The number is segment, bus, device and function, as Xen writes them. */
static long assign(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.assign_device = { .dev = XEN_DOMCTL_DEV_PCI, .u.pci.machine_sbdf = number } };

    return domctl(&request, XEN_DOMCTL_assign_device, domid);
}

static long deassign(uint16_t domid, unsigned long number)
{
    struct xen_domctl request = { .u.assign_device = { .dev = XEN_DOMCTL_DEV_PCI, .u.pci.machine_sbdf = number } };

    return domctl(&request, XEN_DOMCTL_deassign_device, domid);
}

static long map_irq(uint16_t domid, unsigned long number)
{
    struct physdev_map_pirq request = { .domid = domid, .type = MAP_PIRQ_TYPE_GSI, .index = number, .pirq = -1 };

    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &request);
}

/* Under the number that it has on the machine. */
static long hold_irq(uint16_t domid, unsigned long number)
{
    struct physdev_map_pirq request = { .domid = domid, .type = MAP_PIRQ_TYPE_GSI, .index = number, .pirq = number };

    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &request);
}

/* The device's message-signalled interrupt, for the domain. */
static long map_msi(uint16_t domid, unsigned long number)
{
    struct physdev_map_pirq request = {
        .domid = domid, .type = MAP_PIRQ_TYPE_MSI, .index = -1, .pirq = -1, .bus = number >> 8, .devfn = number,
    };

    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &request);
}

static long unmap_irq(uint16_t domid, unsigned long number)
{
    struct physdev_unmap_pirq request = { .domid = domid, .pirq = number };

    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_unmap_pirq, &request);
}

static long setup_gsi(uint16_t domid, unsigned long number)
{
    struct physdev_setup_gsi request = { .gsi = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_setup_gsi, &request);
}

static long read_apic(uint16_t domid, unsigned long number)
{
    struct physdev_apic request = { .apic_physbase = 0xfec00000, .reg = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_apic_read, &request);
}

static long write_apic(uint16_t domid, unsigned long number)
{
    struct physdev_apic request = { .apic_physbase = 0xfec00000, .reg = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_apic_write, &request);
}

static long add_device(uint16_t domid, unsigned long number)
{
    struct physdev_manage_pci request = { .bus = number >> 8, .devfn = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_manage_pci_add, &request);
}

static long remove_device(uint16_t domid, unsigned long number)
{
    struct physdev_manage_pci request = { .bus = number >> 8, .devfn = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_manage_pci_remove, &request);
}

static long prepare_msix(uint16_t domid, unsigned long number)
{
    struct physdev_pci_device request = { .bus = number >> 8, .devfn = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_prepare_msix, &request);
}

static long restore_msi(uint16_t domid, unsigned long number)
{
    struct physdev_pci_device request = { .bus = number >> 8, .devfn = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_restore_msi_ext, &request);
}

static long reserve_configuration(uint16_t domid, unsigned long number)
{
    struct physdev_pci_mmcfg_reserved request = { .address = number };

    (void)domid;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_pci_mmcfg_reserved, &request);
}

static long debug_port(uint16_t domid, unsigned long number)
{
    struct physdev_dbgp_op request = { .op = PHYSDEVOP_DBGP_RESET_PREPARE, .bus = PHYSDEVOP_DBGP_BUS_UNKNOWN };

    (void)domid, (void)number;
    return call(__HYPERVISOR_physdev_op, PHYSDEVOP_dbgp_op, &request);
}

const struct attempt device_attempts[] = {
    { "iomem", iomem },
    { "iomem-away", iomem_away },
    { "map-iomem", map_iomem },
    { "ioport", ioport },
    { "map-ioport", map_ioport },
    { "irq", irq },
    { "irq-away", irq_away },
    { "bind-irq", bind_irq },
    { "unbind-irq", unbind_irq },
    { "assign", assign },
    { "deassign", deassign },
    { "map-irq", map_irq },
    { "hold-irq", hold_irq },
    { "map-msi", map_msi },
    { "unmap-irq", unmap_irq },
    { "setup-gsi", setup_gsi },
    { "read-apic", read_apic },
    { "write-apic", write_apic },
    { "add-device", add_device },
    { "remove-device", remove_device },
    { "prepare-msix", prepare_msix },
    { "restore-msi", restore_msi },
    { "reserve-configuration", reserve_configuration },
    { "debug-port", debug_port },
    { 0 },
};
