#include "ring.h"

#include <stdio.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/io/tpmif.h>

#define DATA sizeof(tpmif_shared_page_t)

_Static_assert(sizeof(tpmif_shared_page_t) == sizeof(uint64_t), "the header is read at once");
_Static_assert(RING_MOST == RING_PAGE_SIZE - DATA, "a message has what the header leaves of the page");

/* Nothing is read from the page, or written to it, across this line. */
#define BARRIER() __sync_synchronize()

static enum ring_request refuse(struct ring_taken *taken, uint32_t code, const char *format, uint32_t one, uint32_t two)
{
    taken->code = code;
    snprintf(taken->reason, sizeof(taken->reason), format, one, two);
    return RING_REFUSED;
}

uint32_t ring_number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

bool ring_asks(volatile void *page)
{
    uint8_t state = ((volatile tpmif_shared_page_t *)page)->state;

    return state == TPMIF_STATE_SUBMIT || state == TPMIF_STATE_CANCEL;
}

enum ring_request ring_take(volatile void *page, struct ring_taken *taken)
{
    /* One load: no field can change between the look at another and its own. */
    uint64_t word = *(volatile uint64_t *)page;
    tpmif_shared_page_t header;
    uint32_t size;

    memcpy(&header, &word, sizeof(header));
    if (header.state == TPMIF_STATE_CANCEL)
        return RING_CANCELLED;
    if (header.state != TPMIF_STATE_SUBMIT)
        return RING_NONE;
    if (header.nr_extra_pages != 0)
        return refuse(taken, RC_COMMAND_SIZE, "%u extra pages", header.nr_extra_pages, 0);
    if (header.length < RING_LEAST || header.length > RING_MOST)
        return refuse(taken, RC_COMMAND_SIZE, "a length of %u", header.length, 0);
    BARRIER();
    memcpy(taken->command, (const uint8_t *)page + DATA, header.length);
    /* The copy is made by now: without this the compiler may look into the page again instead. */
    BARRIER();
    taken->length = header.length;
    /* swtpm reads a stream: bytes beyond the size would be taken for a second command. */
    size = ring_number(taken->command + 2);
    if (size != taken->length)
        return refuse(taken, RC_COMMAND_SIZE, "a command of %u bytes in %u", size, taken->length);
    if (header.locality != 0)
        return refuse(taken, RC_LOCALITY, "locality %u", header.locality, 0);
    return RING_COMMAND;
}

void ring_respond(volatile void *page, const uint8_t *response, size_t length)
{
    volatile tpmif_shared_page_t *shared = page;

    if (length > RING_MOST) {
        ring_respond_code(page, RC_FAILURE);
        return;
    }
    memcpy((uint8_t *)page + DATA, response, length);
    shared->length = length;
    BARRIER();
    shared->state = TPMIF_STATE_FINISH;
    BARRIER();
}

/* Without sessions: the tag is TPM_ST_NO_SESSIONS. */
void ring_respond_code(volatile void *page, uint32_t code)
{
    const uint8_t response[RING_LEAST] = { 0x80, 0x01, 0, 0, 0, RING_LEAST, code >> 24, code >> 16, code >> 8, code };

    ring_respond(page, response, sizeof(response));
}

void ring_give_up(volatile void *page)
{
    volatile tpmif_shared_page_t *shared = page;

    shared->state = TPMIF_STATE_IDLE;
    BARRIER();
}
