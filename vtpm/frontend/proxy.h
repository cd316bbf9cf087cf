/* Linux's TPM proxy (linux/vtpm_proxy.h): makes a TPM device whose commands come here. */
#ifndef VTPM_PROXY_H
#define VTPM_PROXY_H

/*
 * Makes a /dev/tpm and a /dev/tpmrm and serves them until Linux gives them up, which it does when the TPM does not answer its
 * first questions in time. They are gone then.
 */
void proxy_serve(void);

#endif
