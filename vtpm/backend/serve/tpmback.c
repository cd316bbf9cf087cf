/*
 * Passes the commands of one guest from the page that it shares to its TPM, and the responses back. The back end starts one such process
 * for each connection of a guest, and ends it by SIGKILL; it says on standard output what it does (tell.h).
 *
 * Usage: tpmback DOMID REFERENCE PORT SOCKET [USER]
 *
 * REFERENCE and PORT are the grant and the event channel that domain DOMID offers, SOCKET is where its TPM answers, USER the number of the
 * user that this process becomes. The back end checks them all: it has asked Xen whose domain it is.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "confine.h"
#include "guest.h"
#include "linger.h"
#include "ring.h"
#include "tell.h"
#include "tpm.h"

static unsigned int domid;

static unsigned int number(const char *text)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value > 0xffffffff)
        fail("%s is no number of 32 bits", text);
    return value;
}

static void run(const struct ring_taken *taken)
{
    static uint8_t response[TPM_MOST];
    size_t length = tpm_execute(taken->command, taken->length, response);

    if (length > 0)
        ring_respond(guest_page(), response, length);
    else
        ring_respond_code(guest_page(), RC_FAILURE);
}

static void serve(void)
{
    static struct ring_taken taken;

    switch (ring_take(guest_page(), &taken)) {
    case RING_NONE:
        return;
    case RING_CANCELLED:
        ring_give_up(guest_page());
        break;
    case RING_REFUSED:
        tell("domain %u submitted %s", domid, taken.reason);
        ring_respond_code(guest_page(), taken.code);
        break;
    case RING_COMMAND:
        run(&taken);
        break;
    }
    guest_notify();
}

static bool is_asked(void)
{
    return ring_asks(guest_page());
}

/* To whom else this domain serves, and to the TPMs. */
static void give_way(void)
{
    sched_yield();
}

/* While it is looked for a command the channel stays masked, so that the guest wakes nobody. */
static void await_command(void)
{
    static struct linger wait;

    if (linger(&wait, is_asked, give_way))
        return;
    do {
        guest_listen();
        guest_await();
    } while (!is_asked());
}

int main(int count, char **arguments)
{
    int parent = getppid();

    if (count < 5 || count > 6)
        fail("usage: tpmback DOMID REFERENCE PORT SOCKET [USER]");
    /* A TPM that is gone is an error of write(). */
    signal(SIGPIPE, SIG_IGN);
    confine_files();
    domid = number(arguments[1]);
    guest_connect(domid, number(arguments[2]), number(arguments[3]));
    if (count == 6)
        confine_user(number(arguments[5]));
    confine_life(parent);
    tpm_connect(arguments[4]);
    confine_calls();
    tell_serving();
    guest_await();
    for (;;) {
        serve();
        await_command();
    }
}
