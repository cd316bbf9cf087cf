#include "linger.h"

#include <stddef.h>
#include <time.h>

/* Looks between two looks at the clock, for which a guest may have to ask the hypervisor: they take some microseconds, and more in an emulator. */
#define LOOKS 100

static int64_t microseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static bool looks(bool (*is_there)(void))
{
    for (int look = 0; look < LOOKS; look++) {
        if (is_there())
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

bool linger(struct linger *wait, bool (*is_there)(void), void (*give_way)(void))
{
    if (is_there())
        return true;
    if (wait->brief && looks(is_there))
        return true;
    wait->since = microseconds();
    while (wait->brief) {
        if (give_way)
            give_way();
        if (looks(is_there))
            return true;
        wait->brief = microseconds() - wait->since < LINGER_MOST_US;
    }
    return false;
}

void linger_slept(struct linger *wait)
{
    wait->brief = microseconds() - wait->since < LINGER_MOST_US;
}
