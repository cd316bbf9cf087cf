#include "ring.h"

#include <string.h>
#include <xen/xen.h>
#include <xen/io/tpmif.h>

#define DATA sizeof(tpmif_shared_page_t)
#define MOST (RING_PAGE_SIZE - DATA)
/* tag, size, code: TPM 2.0 Library, Part 1, "Command/response structure" */
#define LEAST 10

int ring_submit(volatile void *page, const uint8_t *command, size_t length)
{
    volatile tpmif_shared_page_t *shared = page;

    if (length > MOST)
        return -1;
    memcpy((uint8_t *)page + DATA, command, length);
    shared->length = length;
    shared->locality = 0;
    shared->pad = 0;
    shared->nr_extra_pages = 0;
    /* The backend may look as soon as it sees the state. */
    __sync_synchronize();
    shared->state = TPMIF_STATE_SUBMIT;
    __sync_synchronize();
    return 0;
}

bool ring_pending(volatile void *page)
{
    uint8_t state = ((volatile tpmif_shared_page_t *)page)->state;

    return state != TPMIF_STATE_IDLE && state != TPMIF_STATE_FINISH;
}

enum ring_answer ring_collect(volatile void *page, uint8_t *response, size_t *length)
{
    volatile tpmif_shared_page_t *shared = page;
    uint8_t state = shared->state;
    uint32_t claimed;

    __sync_synchronize();
    if (state == TPMIF_STATE_IDLE)
        return RING_CANCELLED;
    if (state != TPMIF_STATE_FINISH)
        return RING_PENDING;
    claimed = shared->length;
    if (claimed < LEAST || claimed > MOST)
        return RING_BROKEN;
    memcpy(response, (uint8_t *)page + DATA, claimed);
    *length = claimed;
    return RING_RESPONSE;
}
