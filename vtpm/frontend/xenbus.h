/* The connection to the vTPM domain: the device in xenstore, the shared page, the event channel. */
#ifndef VTPM_XENBUS_H
#define VTPM_XENBUS_H

/*
 * Waits until there is a vTPM device of this number for this guest, and connects to its backend. From then on the end of the backend ends
 * the program.
 */
void xenbus_connect(int device);

/* What this program is started with instead of a device when the guest was moved: it has to stay, and does nothing. */
#define XENBUS_MOVED "--moved"

/* The page that the backend shares. */
volatile void *xenbus_page(void);

/* Where the backend keeps the device in xenstore. */
const char *xenbus_backend(void);

void xenbus_notify(void);

/* Sleeps until the backend notified us, or until the time is over. */
void xenbus_await_event(int milliseconds);

#endif
