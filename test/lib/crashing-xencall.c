/* Preloaded into the boot domain's daemon, in front of libxencall: a daemon that crashes at its first hypercall. */
#include <stdint.h>
#include <xencall.h>

int xencall1(xencall_handle *xcall, unsigned int op, uint64_t arg1)
{
    (void)xcall;
    (void)op;
    (void)arg1;
    __builtin_trap();
}
