/*
 * Usage: prober WHO <ATTEMPTS. An attempt is a line: NAME DOMID [NUMBER]. For each, Xen's console says
 *
 *     probe WHO NAME DOMID NUMBER: RESULT
 *
 * through the hypervisor itself, so that what FLASK logged of an attempt stands before its line.
 */
#include "prober.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/privcmd.h>

static const struct attempt *const tables[] = {
    domain_attempts, platform_attempts, memory_attempts, channel_attempts, policy_attempts, device_attempts,
    frame_attempts, virtual_machine_attempts, machine_attempts,
};

unsigned char page[4096] __attribute__((aligned(4096)));
int privcmd = -1;

long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e)
{
    privcmd_hypercall_t request = { .op = number, .arg = { a, b, c, d, e } };
    int result = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &request);

    return result < 0 ? -errno : result;
}

static void say(const char *who, const char *name, unsigned int domid, unsigned long number, long result)
{
    /* Static: Xen reads it, so it has to be there. */
    static char line[256];
    int length = snprintf(line, sizeof(line), "probe %s %s %u %lu: %ld\n", who, name, domid, number, result);

    hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, length, (unsigned long)line, 0, 0);
}

static const struct attempt *find(const char *name)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
        for (const struct attempt *each = tables[i]; each->name; each++)
            if (!strcmp(each->name, name))
                return each;
    return NULL;
}

int main(int count, char **arguments)
{
    const char *who = count > 1 ? arguments[1] : "nobody";
    char line[128], name[64];

    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (privcmd < 0 || mlockall(MCL_CURRENT | MCL_FUTURE)) {
        printf("prober: cannot begin: %s\n", strerror(errno));
        return 1;
    }
    say(who, "begin", 0, 0, 0);
    while (fgets(line, sizeof(line), stdin)) {
        unsigned int domid = 0;
        unsigned long number = 0;
        const struct attempt *attempt;

        if (sscanf(line, "%63s %u %lu", name, &domid, &number) < 1)
            continue;
        attempt = find(name);
        if (!attempt) {
            printf("prober: no attempt is called %s\n", name);
            return 1;
        }
        memset(page, 0, sizeof(page));
        say(who, name, domid, number, attempt->make(domid, number));
        /* Xen drops what its buffer for the serial line cannot take. */
        usleep(10000);
    }
    say(who, "end", 0, 0, 0);
    printf("prober: done\n");
    return 0;
}
