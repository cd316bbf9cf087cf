/*
 * Gives a Xen guest the TPM 2.0 that its vTPM domain serves: the guest's end of a tpmif ring on one side, Linux's TPM
 * proxy (/dev/vtpmx) on the other, which makes an ordinary /dev/tpm0 and /dev/tpmrm0. Linux's own xen-tpmfront knows
 * TPM 1.2 only.
 *
 * Usage: tpmfront [DEVICE]     DEVICE is the number of the vTPM device, 0 by default
 *
 * Runs until the vTPM is gone; the TPM device disappears with it. Needs the modules xen-evtchn, xen-gntalloc and
 * tpm_vtpm_proxy, and the device in xenstore.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fail.h"
#include "proxy.h"
#include "xenbus.h"

#define MOST_ATTEMPTS 30

/* The highest, setpriority(2). */
#define PRIORITY -20

int main(int count, char **arguments)
{
    unsigned int attempt;

    while (count > 1 && !strcmp(arguments[1], XENBUS_MOVED))
        pause();
    xenbus_connect(count > 1 ? atoi(arguments[1]) : 0);
    /*
     * Who sends a command waits for us, and where Linux preempts its own calls (preempt=full) it finds the response at its first look: all
     * others are 0.7 to 1 ms after one another (6.1, tpm_msleep). Without the right to it we are only slower.
     */
    setpriority(PRIO_PROCESS, 0, PRIORITY);
    for (attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        proxy_serve();
        fputs("tpmfront: Linux gave the device up, as when a response takes too long; it gets it again\n", stderr);
        sleep(1);
    }
    fail("Linux did not take the TPM %d times; see its messages", MOST_ATTEMPTS);
}
