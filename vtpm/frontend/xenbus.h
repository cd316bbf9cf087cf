/* The connection to the vTPM domain: the device in xenstore, the shared page, the event channel. */
#ifndef VTPM_XENBUS_H
#define VTPM_XENBUS_H

/* Waits until there is a vTPM device of this number for this guest, and connects to its backend. */
void xenbus_connect(int device);

/* The page that the backend shares. */
volatile void *xenbus_page(void);

/* Where the backend keeps the device in xenstore. */
const char *xenbus_backend(void);

void xenbus_notify(void);

/* Sleeps until the backend notified us, or until the time is over. Ends the program when the backend goes away. */
void xenbus_await_event(int milliseconds);

/* A file that can be read when xenstore has a change, for xenbus_follow() to take. */
int xenbus_changes(void);

/* Takes a change. Ends the program when the backend went away. */
void xenbus_follow(void);

#endif
