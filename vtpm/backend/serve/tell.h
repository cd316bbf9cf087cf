/* What the back end is told: a line on standard output each. */
#ifndef VTPM_SERVE_TELL_H
#define VTPM_SERVE_TELL_H

/* The guest is served from now on. */
void tell_serving(void);

/* Says something of the guest. A guest cannot make it say more than ten lines a minute: the rest is dropped. */
void tell(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* Says why the guest is not served, or not any more, and ends the program. */
void fail(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
