/*
 * What a hostile domain tries: each attempt is one call of Xen, made from user space. Results are Xen's own, a negative error number
 * when it refuses. Structures and numbers are those of Debian's libxen-dev.
 */
#ifndef PROBER_H
#define PROBER_H

#define __XEN_TOOLS__ 1
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/domctl.h>

struct attempt {
    const char *name;
    /* What is attempted against a domain, with a number whose meaning is the attempt's. */
    long (*make)(uint16_t domid, unsigned long number);
};

/* Ends with an entry without a name. */
extern const struct attempt domain_attempts[], platform_attempts[], memory_attempts[], channel_attempts[], policy_attempts[],
    device_attempts[], frame_attempts[], virtual_machine_attempts[], machine_attempts[];

/* Linux hands the arguments on as they are. Gives what Xen gives; Linux's own refusals look the same. */
long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e);

/* A page that Xen may write what it likes into: it is there, and stays where it is. */
extern unsigned char page[4096];

/* The descriptor of /dev/xen/privcmd. */
extern int privcmd;

static inline long call(unsigned long number, unsigned long operation, void *argument)
{
    return hypercall(number, operation, (unsigned long)argument, 0, 0, 0);
}

/* A domctl with an otherwise empty request; whoever wants more fills it in. */
long domctl(struct xen_domctl *request, uint32_t command, uint16_t domid);

#endif
