/*
 * A guest takes back the grant by which xenstored reaches its ring, while nobody has it mapped: the entry changes places with one that
 * nobody uses. Its kernel has no part in that. Says what Xen answered.
 */
/* The newest form of the interface. */
#define __XEN_TOOLS__ 1
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sys/privcmd.h>

/* In the first frame of the table, whatever its version, and far behind those that a small guest uses. */
#define UNUSED 200

static int privcmd;

static long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
    privcmd_hypercall_t request = { .op = number, .arg = { a, b, c } };
    int result = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &request);

    return result < 0 ? -errno : result;
}

int main(void)
{
    static struct gnttab_swap_grant_ref swap = { .ref_a = GNTTAB_RESERVED_XENSTORE, .ref_b = UNUSED };
    long result;

    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    /* Xen reads and writes them. */
    if (privcmd < 0 || mlockall(MCL_CURRENT | MCL_FUTURE))
        return 1;
    result = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_swap_grant_ref, (unsigned long)&swap, 1);
    printf("the ring's grant is taken back: %ld\n", result ? result : swap.status);
    return 0;
}
