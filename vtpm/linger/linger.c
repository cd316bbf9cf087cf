#include "linger.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * Looks between two pauses, and pauses between two looks at the clock. The first is for the processor; but a hypervisor or an emulator may
 * take it for a chance to do something else, and has to be asked for the clock as well: both are seldom.
 */
#define LOOKS 200
#define PAUSES 100

static int64_t microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static bool looks(bool (*is_there)(void))
{
    for (int pauses = 0; pauses < PAUSES; pauses++) {
        for (int look = 0; look < LOOKS; look++)
            if (is_there())
                return true;
        __builtin_ia32_pause();
    }
    return false;
}

static bool looks_for_long(bool (*is_there)(void), void (*give_way)(void))
{
    int64_t begin = microseconds();

    do {
        if (looks(is_there))
            return true;
        if (give_way)
            give_way();
    } while (microseconds() - begin < LINGER_MOST_US);
    return false;
}

bool linger(struct linger *wait, bool (*is_there)(void), void (*give_way)(void))
{
    if (is_there())
        return true;
    if (wait->sleeps > 0) {
        wait->sleeps--;
        return false;
    }
    if (looks(is_there) || looks_for_long(is_there, give_way)) {
        wait->vain = false;
        return true;
    }
    wait->sleeps = wait->vain ? LINGER_MOST_SLEEPS : 1;
    wait->vain = true;
    return false;
}
