/*
 * The back end's side of a tpmif ring, protocol version 2 (xen/io/tpmif.h). The guest can write the page at any time, so every field is
 * read once, and what was read is checked before it is used.
 */
#ifndef VTPM_SERVE_RING_H
#define VTPM_SERVE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_PAGE_SIZE 4096
/* The longest command or response: pages beyond the first are not taken. */
#define RING_MOST 4088
/* tag, size, code: TPM 2.0 Library, Part 1, "Command/response structure" */
#define RING_LEAST 10

/* TPM 2.0 Library, Part 2, "TPM_RC". */
#define RC_FAILURE 0x101
#define RC_COMMAND_SIZE 0x142
#define RC_LOCALITY 0x907

enum ring_request {
    /* Nothing was asked. */
    RING_NONE,
    /* The guest took its command back before it was looked at. */
    RING_CANCELLED,
    RING_COMMAND,
    /* What the guest wrote is no command for its TPM: `code` and `reason` say why. */
    RING_REFUSED,
};

struct ring_taken {
    uint32_t length;
    uint8_t command[RING_MOST];
    uint32_t code;
    char reason[64];
};

/* Whether there is something to take. */
bool ring_asks(volatile void *page);

/* Takes what the guest has submitted out of the page. */
enum ring_request ring_take(volatile void *page, struct ring_taken *taken);

/* Puts a response of at most RING_MOST bytes into the page, and then says that it is there. A longer one becomes a failure. */
void ring_respond(volatile void *page, const uint8_t *response, size_t length);

/* The same with a response that carries nothing but `code`. */
void ring_respond_code(volatile void *page, uint32_t code);

/* Gives the page back without a response. */
void ring_give_up(volatile void *page);

/* A number as a TPM writes it: four bytes, the highest first. */
uint32_t ring_number(const uint8_t *bytes);

#endif
