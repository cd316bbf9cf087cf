/*
 * Messages through the channels of a manifest (docs/channels.md), from user space: a pvh or hvm guest sends and receives, a pv guest
 * sends. Nobody is named but a port of one's own. As root, with /dev/xen/privcmd for more than its own kernel's hypercalls
 * (parameter unrestricted=1 of the module xen-privcmd).
 */
#ifndef DOMB_CHANNEL_H
#define DOMB_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

struct channel_ring;

/* Everything gives a negative errno when it fails. */
int channel_open(void);

/*
 * Sends along the channel of the port. ENOTCONN: there is none; ECONNREFUSED: nobody takes messages at the other end;
 * EAGAIN: there is no room at the other end, try again later. Gives the number of bytes.
 */
long channel_send(uint32_t port, const void *message, size_t bytes);

/*
 * Whether there is room for a message at the other end: 0, or -EAGAIN, and then Xen makes an event (channel_wait) as soon as there is.
 * ECONNREFUSED: there is no channel, or nobody takes messages at the other end; EMSGSIZE: there will never be; EBUSY: too many wait.
 */
long channel_room(uint32_t port, size_t bytes);

/*
 * Waits for Xen's event VIRQ 11: a message has come, or there is room at another end. Gives 1 when there was one, and on the first call, 0
 * when there was none in this time. Takes /dev/xen/evtchn (module xen-evtchn).
 */
int channel_wait(int milliseconds);

/* Takes messages that come to the port, with room for so many bytes in all; NULL with errno set when that can't be. */
struct channel_ring *channel_receive_on(uint32_t port, size_t room);

/*
 * The next message, or -EAGAIN where there is none. When the last one has been taken, those who wait for room here are told. @room is what @message has room for; a longer one
 * is lost, with -EMSGSIZE.
 */
long channel_next(struct channel_ring *ring, void *message, size_t room);

/* The hypercall, for those who want to do something else with it. */
long channel_operation(unsigned int command, const void *first, const void *second, unsigned long third, unsigned long fourth);

#endif
