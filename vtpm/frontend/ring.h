/* The guest's side of a tpmif ring, protocol version 2 (xen/io/tpmif.h). */
#ifndef VTPM_RING_H
#define VTPM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_PAGE_SIZE 4096

enum ring_answer { RING_PENDING, RING_RESPONSE, RING_CANCELLED, RING_BROKEN };

/*
 * Puts a command into the page and marks it as submitted; the caller notifies the backend then.
 * Returns 0, or -1 when the command does not fit.
 */
int ring_submit(volatile void *page, const uint8_t *command, size_t length);

/* Whether the vTPM domain has not answered yet what was submitted. */
bool ring_pending(volatile void *page);

/*
 * Looks for the response to what was submitted. With RING_RESPONSE, `response` (at least RING_PAGE_SIZE bytes) holds
 * it and `length` its size. RING_BROKEN: the backend claims a length that no response has, or that no page can hold.
 */
enum ring_answer ring_collect(volatile void *page, uint8_t *response, size_t *length);

#endif
