#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* In one write: the kernel's log, which it may go to, makes an entry of each. */
void fail(const char *what, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, what);
    vsnprintf(text, sizeof(text), what, arguments);
    va_end(arguments);
    fprintf(stderr, "tpmfront: %s\n", text);
    exit(1);
}
