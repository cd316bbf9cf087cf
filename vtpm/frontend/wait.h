#ifndef VTPM_WAIT_H
#define VTPM_WAIT_H

#include <poll.h>

#define FOREVER -1

/* poll(), that leaves no files marked when it was interrupted, and ends the program when it fails. */
void wait_for(struct pollfd *files, nfds_t count, int milliseconds);

#endif
