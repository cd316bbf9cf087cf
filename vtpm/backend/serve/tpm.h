/* The guest's TPM, behind a UNIX socket: swtpm's own, or that of the back end. */
#ifndef VTPM_SERVE_TPM_H
#define VTPM_SERVE_TPM_H

#include <stddef.h>
#include <stdint.h>

/* The longest response that a TPM gives: TPM_BUFFER_MAX of libtpms (0.9). */
#define TPM_MOST 4096

/* Connects, and waits until the TPM is done with what it was asked before. One that is gone is told of. */
void tpm_connect(const char *path);

/* Has the TPM do a command. Returns the size of the response, or 0 when the TPM is gone, now or since long. */
size_t tpm_execute(const uint8_t *command, size_t size, uint8_t response[TPM_MOST]);

#endif
