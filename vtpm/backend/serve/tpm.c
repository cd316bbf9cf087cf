#include "tpm.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ring.h"
#include "tell.h"

/* Negative when the TPM is gone. */
static int connection = -1;

static bool send_all(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(connection, bytes, size);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= sent;
    }
    return true;
}

/* Takes a response, which tells its size itself. Returns 0 when there is none, or none that a TPM gives. */
static size_t receive(uint8_t *response)
{
    size_t length = 0, size = RING_LEAST;

    while (length < size) {
        ssize_t more = read(connection, response + length, TPM_MOST - length);

        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0) {
            errno = more < 0 ? errno : ECONNRESET;
            return 0;
        }
        length += more;
        if (length >= RING_LEAST)
            size = ring_number(response + 2);
        if (size < RING_LEAST || size > TPM_MOST || length > size) {
            errno = EPROTO;
            return 0;
        }
    }
    return length;
}

/* Its end is for good: another TPM would vouch for things that did not happen. */
static void lose(void)
{
    tell("the TPM does not answer: %s", strerror(errno));
    close(connection);
    connection = -1;
}

size_t tpm_execute(const uint8_t *command, size_t size, uint8_t response[TPM_MOST])
{
    size_t length;

    if (connection < 0)
        return 0;
    length = send_all(command, size) ? receive(response) : 0;
    if (length == 0)
        lose();
    return length;
}

void tpm_connect(const char *path)
{
    /* TPM2_GetTestResult, Part 3, 10.4: it changes nothing. A predecessor of ours may have left in mid-command. */
    static const uint8_t get_test_result[] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x7c };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint8_t response[TPM_MOST];

    if (strlen(path) >= sizeof(address.sun_path))
        fail("%s is too long for the address of a socket", path);
    strcpy(address.sun_path, path);
    connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0)
        fail("cannot make a socket: %s", strerror(errno));
    if (connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0)
        lose();
    else
        tpm_execute(get_test_result, sizeof(get_test_result), response);
}
