#include "wait.h"

#include <errno.h>
#include <string.h>

#include "fail.h"

void wait_for(struct pollfd *files, nfds_t count, int milliseconds)
{
    if (poll(files, count, milliseconds) >= 0)
        return;
    if (errno != EINTR)
        fail("poll: %s", strerror(errno));
    while (count > 0)
        files[--count].revents = 0;
}
