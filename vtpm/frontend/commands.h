/* What a guest's TPM answers: commands from Linux in, responses out. */
#ifndef VTPM_COMMANDS_H
#define VTPM_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Has the TPM do a command of Linux's; `response` takes RING_PAGE_SIZE bytes. Returns the size of what to answer: the TPM's
 * response, or TPM_RC_RETRY when it takes longer than Linux would wait; Linux then asks again.
 */
size_t transact(const uint8_t *command, size_t size, uint8_t *response);

#endif
