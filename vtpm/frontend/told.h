/* What domB told this guest on its kernel's command line, where dom0 cannot write (domains/vtpm-parameter.ts). */
#ifndef VTPM_TOLD_H
#define VTPM_TOLD_H

#define TOLD_NOTHING -1

/*
 * The domid of the domain that serves this guest's TPM, by the file `path`, which is /proc/cmdline or has its form; TOLD_NOTHING in
 * a guest that domB did not build for a TPM. Ends the program when what is there is no domid.
 */
long told_backend(const char *path);

#endif
