/*
 * Looks for what is about to come before it sleeps: a domain that slept takes longer to wake than a TPM takes for most commands. After a
 * look in vain the next wait is slept for at once, and after a further one the next LINGER_MOST_SLEEPS. So nothing looks where nothing
 * happens, and little is lost where each wait is long.
 */
#ifndef VTPM_LINGER_H
#define VTPM_LINGER_H

#include <stdbool.h>

/* The longest look, in microseconds. */
#define LINGER_MOST_US 2000
#define LINGER_MOST_SLEEPS 3

/* One kind of wait; all zero at first. */
struct linger {
    /* The last look was in vain. */
    bool vain;
    /* Waits that are still to be slept for. */
    unsigned int sleeps;
};

/*
 * Begins a wait. `is_there` tells whether it is over; `give_way`, which may be NULL, lets others have the processor and is called every
 * now and then. Returns false when it is not over: the caller sleeps.
 */
bool linger(struct linger *wait, bool (*is_there)(void), void (*give_way)(void));

#endif
