/*
 * Runs the hypervisor's own code for the firmware's TPM event log, which is included as extracted.h. Standard input holds cases: as
 * 32-bit numbers the length of a log and the offset of its last event, the same length for the final events and their number,
 * then the bytes of both. Prints what the code says of each: the size of the log and of the final events. Behind a log are as many
 * zeros as the code may look at behind the last event; the address sanitizer ends the program where it looks further.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef uint64_t UINTN;
#define __packed __attribute__((packed))
#define __init
#define __initconst
#define MB(n) ((UINT64)(n) << 20)

#include "extracted.h"

int main(void)
{
    static _Alignas(8) UINT8 room[sizeof(EFI_TCG2_FINAL_EVENTS_TABLE) + TCG_LOG_MAX_SIZE];
    EFI_TCG2_FINAL_EVENTS_TABLE *final = (void *)room;

    for ( ; ; )
    {
        UINT32 numbers[4];

        if ( fread(numbers, sizeof(numbers), 1, stdin) != 1 )
            return 0;

        /* What the code may read: up to the last event, and so much of that. */
        UINTN log_room = numbers[1] > TCG_LOG_MAX_SIZE ? 0 : numbers[1] + TCG_EVENT_MAX_SIZE;
        UINT8 *log = calloc(1, log_room > numbers[0] ? log_room : numbers[0]);

        if ( fread(log, 1, numbers[0], stdin) != numbers[0] ||
             fread(final->Events, 1, numbers[2], stdin) != numbers[2] )
            return 1;
        final->NumberOfEvents = numbers[3];

        UINTN size = tcg_log_size((void *)log, numbers[1]);
        UINTN final_size = size ? tcg_final_size((void *)log, final) : 0;

        printf("%lu %lu\n", size, final_size == TCG_LOG_MAX_SIZE ? ~0UL : final_size);
        free(log);
        memset(final->Events, 0, numbers[2]);
    }
}
