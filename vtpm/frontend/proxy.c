#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vtpm_proxy.h>

#include "commands.h"
#include "fail.h"
#include "ring.h"
#include "wait.h"
#include "xenbus.h"

/* How long a new device may be idle before it is looked at. */
#define IDLE_MS 1000

static struct vtpm_proxy_new_dev make_device(void)
{
    struct vtpm_proxy_new_dev device = { .flags = VTPM_PROXY_FLAG_TPM2 };
    int proxy = open("/dev/vtpmx", O_RDWR | O_CLOEXEC);

    if (proxy < 0)
        fail("cannot open /dev/vtpmx: %s (is the module tpm_vtpm_proxy loaded?)", strerror(errno));
    if (ioctl(proxy, VTPM_PROXY_IOC_NEW_DEV, &device) < 0)
        fail("cannot make a TPM device: %s", strerror(errno));
    close(proxy);
    /* The device ends with whatever this program becomes (XENBUS_MOVED). */
    fcntl(device.fd, F_SETFD, FD_CLOEXEC);
    printf("tpmfront: /dev/tpm%u is the TPM behind %s\n", device.tpm_num, xenbus_backend());
    fflush(stdout);
    return device;
}

static bool listed(const char *class, unsigned int number)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/class/%s/%s%u", class, class, number);
    return access(path, F_OK) == 0;
}

/*
 * Waits for the first commands, or for the end of the device, which read() tells then, until Linux uses the TPM. Returns false when Linux
 * took it for one that needs new firmware, as it does when one of its first questions was not answered (6.1, tpm2_auto_startup): then there
 * is a /dev/tpm, without a /dev/tpmrm, until the device is made anew.
 */
static bool await_command(const struct vtpm_proxy_new_dev *device)
{
    struct pollfd file = { .fd = device->fd, .events = POLLIN };

    for (;;) {
        wait_for(&file, 1, IDLE_MS);
        if (file.revents || listed("tpmrm", device->tpm_num))
            return true;
        if (listed("tpm", device->tpm_num))
            return false;
    }
}

/* Hands the commands of Linux to the ring until Linux gives the device up, which makes its file useless. */
static void serve(const struct vtpm_proxy_new_dev *device)
{
    static uint8_t command[RING_PAGE_SIZE], response[RING_PAGE_SIZE];
    bool usable = false;

    for (;;) {
        ssize_t size;
        size_t length;

        /* Each call of the kernel counts here: once it is usable it stays so. */
        usable = usable || listed("tpmrm", device->tpm_num);
        if (!usable && !await_command(device))
            return;
        size = read(device->fd, command, sizeof(command));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EPIPE)
            return;
        if (size <= 0)
            fail("the TPM device is gone: %s", size < 0 ? strerror(errno) : "end of file");
        length = transact(command, size, response);
        /* EIO: the kernel waits no longer for this response. */
        if (write(device->fd, response, length) >= 0 || errno == EIO)
            continue;
        if (errno == EPIPE)
            return;
        fail("cannot give the kernel a response: %s", strerror(errno));
    }
}

void proxy_serve(void)
{
    struct vtpm_proxy_new_dev device = make_device();

    serve(&device);
    close(device.fd);
}
