#include "told.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>

#include "fail.h"

#define NAME "domb.vtpm="
/* COMMAND_LINE_SIZE of Linux on x86 (arch/x86/include/asm/setup.h) and a bit. */
#define MOST 4096

long told_backend(const char *path)
{
    static char line[MOST];
    FILE *file = fopen(path, "r");
    size_t length;
    const char *word;
    char *end;
    long domid;

    /* A guest that cannot tell what it was told must not take dom0's word instead. */
    if (!file)
        fail("cannot open %s: %s (is /proc mounted?)", path, strerror(errno));
    length = fread(line, 1, sizeof(line) - 1, file);
    if (ferror(file))
        fail("cannot read %s: %s", path, strerror(errno));
    fclose(file);
    line[length] = '\0';
    /* The first one: domB puts it before everything that the manifest says. */
    for (word = line; (word = strstr(word, NAME)) != NULL; word += strlen(NAME)) {
        if (word == line || isspace((unsigned char)word[-1]))
            break;
    }
    if (!word)
        return TOLD_NOTHING;
    word += strlen(NAME);
    errno = 0;
    domid = strtol(word, &end, 10);
    if (!isdigit((unsigned char)*word) || (*end && !isspace((unsigned char)*end)) || errno || domid >= DOMID_FIRST_RESERVED)
        fail("%s has " NAME " without a domid", path);
    return domid;
}
