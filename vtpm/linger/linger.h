/*
 * Looks for what is about to come before it sleeps: a domain that slept takes longer to wake than a TPM takes for most commands. Who
 * waits is taken to wait as long as the time before: after a wait that was brief it looks, and after a long one it sleeps at once. So
 * nothing looks where nothing happens, and a wait that turns out to be long costs LINGER_MOST_US once.
 */
#ifndef VTPM_LINGER_H
#define VTPM_LINGER_H

#include <stdbool.h>
#include <stdint.h>

/* The longest look, in microseconds, and what a brief wait is. */
#define LINGER_MOST_US 2000

/* One kind of wait; all zero at first. */
struct linger {
    bool brief;
    int64_t since;
};

/*
 * Begins a wait. `is_there` tells whether it is over; `give_way`, which may be NULL, lets others have the processor and is called every
 * now and then. Returns false when it is not: the caller sleeps, and calls linger_slept() when the wait is over.
 */
bool linger(struct linger *wait, bool (*is_there)(void), void (*give_way)(void));

/* The wait is over, and its end was slept for. */
void linger_slept(struct linger *wait);

#endif
