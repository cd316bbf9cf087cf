/* The machine itself, by instructions rather than by calls. */
#include "prober.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/io.h>
#include <unistd.h>
#include <xen/version.h>

static sigjmp_buf back;

static void fault(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

/* A port is read: what it says, or -EFAULT when the processor refuses. */
static long read_port(uint16_t domid, unsigned long number)
{
    long value;

    (void)domid;
    if (iopl(3))
        return -errno;
    signal(SIGSEGV, fault);
    value = sigsetjmp(back, 1) ? -EFAULT : inb(number);
    signal(SIGSEGV, SIG_DFL);
    return value;
}

/* A device's identity in PCI configuration space, the way of old: all ones when there is nothing, or nothing is told. */
static long read_configuration(uint16_t domid, unsigned long number)
{
    long value;

    (void)domid;
    if (iopl(3))
        return -errno;
    signal(SIGSEGV, fault);
    if (sigsetjmp(back, 1)) {
        value = -EFAULT;
    } else {
        outl(0x80000000u | number << 8, 0xcf8);
        value = inl(0xcfc) & 0xffff;
    }
    signal(SIGSEGV, SIG_DFL);
    return value;
}

/* A register of the processor, through Linux's device for it. */
static long write_register(uint16_t domid, unsigned long number)
{
    static const uint64_t value;
    int registers = open("/dev/cpu/0/msr", O_RDWR | O_CLOEXEC);
    long result;

    (void)domid;
    if (registers < 0)
        return -errno;
    result = pwrite(registers, &value, sizeof(value), number) < 0 ? -errno : 0;
    close(registers);
    return result;
}

/* Xen's own command line; Xen has a text of its own for those who may not read it. */
static long command_line(uint16_t domid, unsigned long number)
{
    long result = call(__HYPERVISOR_xen_version, XENVER_commandline, page);

    (void)domid, (void)number;
    return strcmp((char *)page, "<denied>") ? result : -EPERM;
}

const struct attempt machine_attempts[] = {
    { "read-port", read_port },
    { "read-configuration", read_configuration },
    { "write-register", write_register },
    { "command-line", command_line },
    { 0 },
};
