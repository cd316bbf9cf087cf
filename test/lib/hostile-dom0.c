/*
 * A dom0 that puts others in the place of guests, and looks into them.
 *
 * hostile create DOMID UUID LABEL   makes an empty domain, paused
 * hostile offer DOMID BACKEND       writes into xenstore that this domain has a vTPM which that one serves
 * hostile look DOMID REFERENCE      maps what a guest has granted to somebody else, its memory, and reads its first processor
 * hostile remove PATH               removes a path of xenstore and all below it
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <string.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>

static int fail(const char *what)
{
    printf("cannot %s: %s\n", what, strerror(errno));
    return 1;
}

static int create(uint32_t domid, const char *uuid, char *label)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    struct xen_domctl_createdomain config = {
        .max_vcpus = 1,
        .max_evtchn_port = 1023,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
    unsigned int byte, count = 0;

    for (; *uuid && count < sizeof(config.handle); uuid++) {
        if (*uuid == '-' || sscanf(uuid, "%2x", &byte) != 1)
            continue;
        config.handle[count++] = byte;
        uuid++;
    }
    if (!xch || xc_flask_context_to_sid(xch, label, strlen(label), &config.ssidref))
        return fail("resolve the label");
    if (xc_domain_create(xch, &domid, &config))
        return fail("create a domain");
    printf("created domain %u\n", domid);
    return 0;
}

static void outcome(const char *what, int done)
{
    printf("%s: %s\n", what, done ? "done" : strerror(errno));
}

static int look(uint32_t domid, uint32_t reference)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    xengnttab_handle *grants = xengnttab_open(NULL, 0);
    xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
    const xen_pfn_t frame = 0x1000;
    vcpu_guest_context_any_t context;

    if (!xch || !grants || !memory)
        return fail("look");
    outcome("maps the grant", xengnttab_map_grant_ref(grants, domid, reference, PROT_READ) != NULL);
    outcome("maps memory", xenforeignmemory_map(memory, domid, PROT_READ, 1, &frame, NULL) != NULL);
    outcome("reads the processor", xc_vcpu_getcontext(xch, domid, 0, &context) == 0);
    return 0;
}

static struct xs_handle *store;

/* Writes a node that `owner` may write and `reader` may read. */
static void put(unsigned int owner, unsigned int reader, const char *directory, const char *name, const char *value)
{
    struct xs_permissions permissions[] = {
        { .id = owner, .perms = XS_PERM_NONE },
        { .id = reader, .perms = XS_PERM_READ },
    };
    char path[256];

    snprintf(path, sizeof(path), "%s%s%s", directory, *name ? "/" : "", name);
    if (!xs_write(store, XBT_NULL, path, value, strlen(value)) || !xs_set_permissions(store, XBT_NULL, path, permissions, 2))
        exit(fail(path));
}

static int offer(unsigned int domid, unsigned int backend)
{
    char guest[128], served[128], id[16];

    snprintf(guest, sizeof(guest), "/local/domain/%u/device/vtpm/0", domid);
    snprintf(served, sizeof(served), "/local/domain/%u/backend/vtpm/%u/0", backend, domid);
    put(domid, backend, guest, "", "");
    snprintf(id, sizeof(id), "%u", backend);
    put(domid, backend, guest, "backend-id", id);
    put(domid, backend, guest, "backend", served);
    put(domid, backend, guest, "state", "1");
    put(backend, domid, served, "", "");
    snprintf(id, sizeof(id), "%u", domid);
    put(backend, domid, served, "frontend-id", id);
    put(backend, domid, served, "online", "1");
    put(backend, domid, served, "state", "1");
    put(backend, domid, served, "frontend", guest);
    printf("offered domain %u a TPM\n", domid);
    return 0;
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";

    if (!strcmp(what, "create") && count == 5)
        return create(atoi(arguments[2]), arguments[3], arguments[4]);
    if (!strcmp(what, "look") && count == 4)
        return look(atoi(arguments[2]), atoi(arguments[3]));
    store = xs_open(0);
    if (!store)
        return fail("reach xenstore");
    if (!strcmp(what, "offer") && count == 4)
        return offer(atoi(arguments[2]), atoi(arguments[3]));
    if (!strcmp(what, "remove") && count == 3)
        return xs_rm(store, XBT_NULL, arguments[2]) ? 0 : fail("remove");
    errno = EINVAL;
    return fail("do that");
}
