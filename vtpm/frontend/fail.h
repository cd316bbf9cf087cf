#ifndef VTPM_FAIL_H
#define VTPM_FAIL_H

/* Says what failed, and ends the program; the guest's TPM device disappears with it. */
void fail(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
