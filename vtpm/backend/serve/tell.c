#include "tell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_LINES 10
#define MINUTE 60

/* A word that tells what kind of line it is, and the line, in one write. The back end has ended when nobody reads it. */
static void write_line(const char *kind, const char *what, va_list arguments)
{
    char text[512];
    size_t length = snprintf(text, sizeof(text), "%s ", kind);
    int more = vsnprintf(text + length, sizeof(text) - length - 1, what, arguments);

    length = more < 0 ? length : strlen(text);
    text[length++] = '\n';
    if (write(STDOUT_FILENO, text, length) != (ssize_t)length)
        _exit(1);
}

static void line(const char *kind, const char *what, ...)
{
    va_list arguments;

    va_start(arguments, what);
    write_line(kind, what, arguments);
    va_end(arguments);
}

void tell_serving(void)
{
    line("serving", "%s", "");
}

void tell(const char *what, ...)
{
    static time_t since;
    static unsigned int lines;
    struct timespec now;
    va_list arguments;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (lines == 0 || now.tv_sec - since >= MINUTE) {
        since = now.tv_sec;
        lines = 0;
    }
    if (++lines > MOST_LINES) {
        lines = MOST_LINES;
        return;
    }
    va_start(arguments, what);
    write_line("says", what, arguments);
    va_end(arguments);
}

void fail(const char *what, ...)
{
    va_list arguments;

    va_start(arguments, what);
    write_line("failed", what, arguments);
    va_end(arguments);
    _exit(1);
}
