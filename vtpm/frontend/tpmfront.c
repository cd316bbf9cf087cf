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
#include <unistd.h>

#include "fail.h"
#include "proxy.h"
#include "xenbus.h"

#define MOST_ATTEMPTS 30

int main(int count, char **arguments)
{
    unsigned int attempt;

    xenbus_connect(count > 1 ? atoi(arguments[1]) : 0);
    for (attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        proxy_serve();
        fputs("tpmfront: Linux gave the device up, as when a response takes too long; it gets it again\n", stderr);
        sleep(1);
    }
    fail("Linux did not take the TPM %d times; see its messages", MOST_ATTEMPTS);
}
