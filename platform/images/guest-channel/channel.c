/* See channel.h. The interface is Xen's xen/include/public/argo.h with our series; no installed header has links. */
#include "channel.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

#define ARGO_OP 39
#define REGISTER_RING 1
#define SENDV 3
#define NOTIFY 4
#define DOMID_ANY 0x7ff4
#define DOMID_LINK 0x7ff8
#define PAGE 4096ul
#define SLOT 16u
#define MOST_PAGES 256
/* What Xen says of the ring at the other end. */
#define RING_EXISTS (1u << 0)
#define RING_SUFFICIENT (1u << 3)
#define RING_TOO_LARGE (1u << 4)
#define RING_BUSY (1u << 5)

struct address {
    uint32_t port;
    uint16_t domid;
    uint16_t pad;
};

struct message_header {
    uint32_t length;
    struct address source;
    uint32_t type;
};

/* What Xen and its receiver share: indexes, then the messages. */
struct shared {
    uint32_t rx;
    uint32_t tx;
    uint8_t reserved[56];
    uint8_t bytes[];
};

struct channel_ring {
    struct shared *shared;
    uint32_t length;
};

static int privcmd = -1;
static int events = -1;

int channel_open(void)
{
    int setting = open("/proc/sys/vm/compact_unevictable_allowed", O_WRONLY | O_CLOEXEC);

    /* Locked memory must not be moved either: Xen knows the ring by its frames. */
    if (setting < 0 || write(setting, "0", 1) != 1)
        return -errno;
    close(setting);
    if (mlockall(MCL_CURRENT | MCL_FUTURE))
        return -errno;
    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    return privcmd < 0 ? -errno : 0;
}

/* The device takes each event once: what has been read is to be written back before the next one. */
int channel_wait(int milliseconds)
{
    struct ioctl_evtchn_bind_virq bind = { .virq = VIRQ_ARGO };
    struct pollfd wait = { .events = POLLIN };
    uint32_t port;
    int result;

    if (events < 0) {
        int device = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);

        if (device < 0)
            return -errno;
        if (ioctl(device, IOCTL_EVTCHN_BIND_VIRQ, &bind) < 0) {
            result = -errno;
            close(device);
            return result;
        }
        events = device;
        /* Of what came until now there was no event. */
        return 1;
    }
    wait.fd = events;
    result = poll(&wait, 1, milliseconds);
    if (result <= 0)
        return result < 0 ? -errno : 0;
    while (read(events, &port, sizeof(port)) == sizeof(port))
        if (write(events, &port, sizeof(port)) != sizeof(port))
            return -errno;
    return 1;
}

long channel_operation(unsigned int command, const void *first, const void *second, unsigned long third, unsigned long fourth)
{
    privcmd_hypercall_t request = {
        .op = ARGO_OP, .arg = { command, (uintptr_t)first, (uintptr_t)second, third, fourth },
    };
    int result = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &request);

    return result < 0 ? -errno : result;
}

long channel_send(uint32_t port, const void *message, size_t bytes)
{
    struct {
        struct address source, destination;
    } way = { .source = { .port = port, .domid = DOMID_ANY }, .destination = { .domid = DOMID_ANY } };
    struct {
        uint64_t address;
        uint32_t bytes, pad;
    } vector = { .address = (uintptr_t)message, .bytes = bytes };

    return channel_operation(SENDV, &way, &vector, 1, 0);
}

long channel_room(uint32_t port, size_t bytes)
{
    struct {
        uint32_t count, pad;
        struct address ring;
        uint16_t flags, pad2;
        uint32_t bytes, most;
    } question = { .count = 1, .ring = { .port = port, .domid = DOMID_ANY }, .bytes = bytes };
    long result = channel_operation(NOTIFY, &question, NULL, 0, 0);

    if (result < 0)
        return result;
    if (!(question.flags & RING_EXISTS))
        return -ECONNREFUSED;
    if (question.flags & RING_TOO_LARGE)
        return -EMSGSIZE;
    if (question.flags & RING_BUSY)
        return -EBUSY;
    return question.flags & RING_SUFFICIENT ? 0 : -EAGAIN;
}

/* The frames that memory of ours lies in, as the guest counts them; none are told without the right to see them. */
static int frames_of(const void *memory, uint64_t *frames, size_t pages)
{
    int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t wanted = pages * sizeof(*frames);
    ssize_t got = map < 0 ? -1 : pread(map, frames, wanted, (uintptr_t)memory / PAGE * sizeof(*frames));

    if (map >= 0)
        close(map);
    if (got != wanted)
        return -EIO;
    for (size_t i = 0; i < pages; i++) {
        /* Present is bit 63, the number bits 0 to 54 (Linux, Documentation/admin-guide/mm/pagemap.rst). */
        if (!(frames[i] >> 63) || !(frames[i] & ((1ul << 55) - 1)))
            return -EPERM;
        frames[i] &= (1ul << 55) - 1;
    }
    return 0;
}

struct channel_ring *channel_receive_on(uint32_t port, size_t room)
{
    size_t pages = (room + sizeof(struct shared) + PAGE - 1) / PAGE;
    uint64_t *frames = calloc(pages ? pages : 1, sizeof(*frames));
    struct channel_ring *ring = calloc(1, sizeof(*ring));
    struct {
        uint32_t port;
        uint16_t partner, pad;
        uint32_t length;
    } request = { .port = port, .partner = DOMID_LINK };
    long result = pages && pages <= MOST_PAGES ? 0 : -EINVAL;

    if (!frames || !ring)
        result = -ENOMEM;
    if (!result) {
        ring->shared = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
        result = ring->shared == MAP_FAILED ? -errno : frames_of(ring->shared, frames, pages);
        ring->length = request.length = (pages * PAGE - sizeof(struct shared)) & ~(SLOT - 1);
    }
    if (!result)
        result = channel_operation(REGISTER_RING, &request, frames, pages, 0);
    free(frames);
    if (!result)
        return ring;
    free(ring);
    errno = -result;
    return NULL;
}

static void copy_out(const struct channel_ring *ring, uint32_t at, void *to, size_t bytes)
{
    size_t first = ring->length - at;

    if (first > bytes)
        first = bytes;
    memcpy(to, ring->shared->bytes + at, first);
    memcpy((char *)to + first, ring->shared->bytes, bytes - first);
}

long channel_next(struct channel_ring *ring, void *message, size_t room)
{
    uint32_t tx = __atomic_load_n(&ring->shared->tx, __ATOMIC_ACQUIRE);
    uint32_t rx = ring->shared->rx, next;
    struct message_header header;
    size_t bytes;

    if (rx == tx)
        return -EAGAIN;
    copy_out(ring, rx, &header, sizeof(header));
    /* Xen wrote it, but nothing in shared memory is to be believed. */
    if (header.length < sizeof(header) || header.length > ring->length)
        return -EPROTO;
    bytes = header.length - sizeof(header);
    if (bytes <= room) {
        uint32_t body = rx + sizeof(header);

        copy_out(ring, body >= ring->length ? body - ring->length : body, message, bytes);
    }
    next = rx + ((header.length + SLOT - 1) & ~(SLOT - 1));
    next = next >= ring->length ? next - ring->length : next;
    __atomic_store_n(&ring->shared->rx, next, __ATOMIC_SEQ_CST);
    /* Who waits for room is told once all has been taken, rather than with each message. */
    if (next == __atomic_load_n(&ring->shared->tx, __ATOMIC_SEQ_CST))
        channel_operation(NOTIFY, NULL, NULL, 0, 0);
    return bytes <= room ? (long)bytes : -EMSGSIZE;
}
