/* Memory that is somebody's, by way of rights over devices' memory, or of a device whose registers are said to lie there. */
#include "prober.h"
#include <sys/io.h>
#include <xen/physdev.h>

/* So many frames, a few at a time: how often Xen did it. */
enum { sweep = 0xf000, few = 16 };

static long iomem_sweep(uint16_t domid, unsigned long number)
{
    long done = 0;

    for (unsigned long frame = number; frame < number + sweep; frame += few) {
        struct xen_domctl request = { .u.iomem_permission = { .first_mfn = frame, .nr_mfns = few, .allow_access = 1 } };

        done += domctl(&request, XEN_DOMCTL_iomem_permission, domid) >= 0;
    }
    return done;
}

static long map_iomem_sweep(uint16_t domid, unsigned long number)
{
    long done = 0;

    for (unsigned long frame = number; frame < number + sweep; frame += few) {
        struct xen_domctl request = {
            .u.memory_mapping = { .first_gfn = 0x100000, .first_mfn = frame, .nr_mfns = few, .add_mapping = 1 },
        };

        done += domctl(&request, XEN_DOMCTL_memory_mapping, domid) >= 0;
    }
    return done;
}

static uint32_t configuration(unsigned int function, unsigned int offset)
{
    outl(0x80000000u | function << 8 | offset, 0xcf8);
    return inl(0xcfc);
}

static void configure(unsigned int function, unsigned int offset, uint32_t value)
{
    outl(0x80000000u | function << 8 | offset, 0xcf8);
    outl(value, 0xcfc);
}

/* Where a function's MSI-X capability is, or 0 (PCI Local Bus Specification 3.0, 6.7 and 6.8.2). */
static unsigned int msix_capability(unsigned int function)
{
    enum { has_list = 1 << 20, msix = 0x11 };
    unsigned int offset;

    if ((uint16_t)configuration(function, 0) == 0xffff || !(configuration(function, 4) & has_list))
        return 0;
    for (offset = configuration(function, 0x34) & 0xfc; offset; offset = configuration(function, offset) >> 8 & 0xfc)
        if ((configuration(function, offset) & 0xff) == msix)
            return offset;
    return 0;
}

/* Has Xen believe that a device's MSI-X table, to which it writes, is at a frame: -ENODEV where there is no such device. */
static long msix_elsewhere(uint16_t domid, unsigned long number)
{
    enum { memory_decode = 1 << 1, both_halves = 4 };
    unsigned int function = 0, capability = 0, bar;
    struct physdev_pci_device request = { 0 };
    uint32_t low, high, command;
    long result;

    (void)domid;
    if (iopl(3))
        return -errno;
    for (; function < 256 && !capability; function++)
        capability = msix_capability(function);
    if (!capability)
        return -ENODEV;
    request.devfn = --function;
    bar = 0x10 + 4 * (configuration(function, capability + 4) & 7);
    low = configuration(function, bar);
    high = configuration(function, bar + 4);
    command = configuration(function, 4) & 0xffff;
    configure(function, bar, number << 12 | (low & 0xf));
    if (low & both_halves)
        configure(function, bar + 4, number >> 20);
    configure(function, 4, command | memory_decode);
    result = call(__HYPERVISOR_physdev_op, PHYSDEVOP_prepare_msix, &request);
    if (!result)
        call(__HYPERVISOR_physdev_op, PHYSDEVOP_release_msix, &request);
    configure(function, 4, command);
    configure(function, bar, low);
    if (low & both_halves)
        configure(function, bar + 4, high);
    return result;
}

const struct attempt frame_attempts[] = {
    { "iomem-sweep", iomem_sweep },
    { "map-iomem-sweep", map_iomem_sweep },
    { "msix-elsewhere", msix_elsewhere },
    { 0 },
};
