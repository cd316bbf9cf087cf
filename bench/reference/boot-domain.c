/*
 * The least that a boot domain does, in C on libxc: what domB's time is compared with. It creates and builds the domains of /domains from
 * the images in /images, with the same domids and labels as domB and in the same order, gives them their labels, lets go of the TPM, starts
 * them, and halts. With the argument `measure`, SHA-256 of each image and of each domain's command line goes into a PCR first, as OpenSSL
 * and a plain write to the TPM do it; without, nothing is measured. With `node`, a Node that has nothing to do runs before all that: what no
 * program in Node can be faster than. A kernel that domB has packed is unpacked here, too. There is no manifest, no check, no log, and no answer to a failure.
 *
 * A line of /domains: domid, MiB, `hardware` or `plain`, the label to build under, the label to start with, kernel, ramdisk; the command
 * line is the line after it. /modules has the kernel modules to load, a path a line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenguest.h>
/* Flags of a PV domain's start information. */
#include <xen/xen.h>

#define MOST_DOMAINS 64
/* What libxenguest takes in place of domain 0, which it has for "none": domctl and privcmd have 16 bits for a domid. */
#define DOMAIN_ZERO 0x10000
/* Xen's own overhead over a domain's memory, as libxl allows it. */
#define SLACK_KIB 1024
/* In front of dom0's ramdisk, where domB puts the hand-over. */
#define HANDOVER (1 << 20)
#define PCR 13

/* libzstd (its zstd.h), whose shared library every Debian has. */
size_t ZSTD_decompress(void *to, size_t room, const void *from, size_t size);
unsigned long long ZSTD_getFrameContentSize(const void *from, size_t size);

struct image {
    char name[64];
    void *bytes;
    size_t size;
    int measured;
};

struct domain {
    unsigned int domid, mib;
    int hardware;
    char built[128], label[128];
    struct image *kernel, *ramdisk;
    char cmdline[256];
};

static struct image images[2 * MOST_DOMAINS];
static struct domain domains[MOST_DOMAINS];
static int count;
static xc_interface *xch;
static int tpm = -1, commands;
static double tpm_time;

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void say(const char *what, ...)
{
    va_list arguments;

    printf("reference: %8.3f ", milliseconds() / 1e3);
    va_start(arguments, what);
    vprintf(what, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
}

static void must(int ok, const char *what)
{
    if (ok)
        return;
    say("FAILED: %s: %s", what, strerror(errno));
    sleep(2);
    reboot(RB_AUTOBOOT);
}

static void unpack(struct image *each)
{
    unsigned long long size = ZSTD_getFrameContentSize(each->bytes, each->size);
    double start = milliseconds();
    void *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(to != MAP_FAILED && ZSTD_decompress(to, size, each->bytes, each->size) == size, each->name);
    munmap(each->bytes, each->size);
    each->bytes = to;
    each->size = size;
    say("unpacked %s, %.1f ms", each->name, milliseconds() - start);
}

static struct image *image(const char *name)
{
    char path[128];
    struct stat status;
    int file, packed;
    struct image *each = images;

    for (; each->bytes; each++)
        if (!strcmp(each->name, name))
            return each;
    snprintf(each->name, sizeof(each->name), "%s", name);
    snprintf(path, sizeof(path), "/packed/%s", name);
    file = open(path, O_RDONLY);
    packed = file >= 0;
    if (!packed) {
        snprintf(path, sizeof(path), "/images/%s", name);
        file = open(path, O_RDONLY);
    }
    must(file >= 0 && !fstat(file, &status), path);
    each->size = status.st_size;
    each->bytes = mmap(NULL, each->size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    must(each->bytes != MAP_FAILED, path);
    close(file);
    if (packed)
        unpack(each);
    return each;
}

static void read_domains(void)
{
    char how[16], kernel[64], ramdisk[64];
    FILE *file = fopen("/domains", "r");
    struct domain *each;

    must(file != NULL, "/domains");
    for (each = domains; fscanf(file, "%u %u %15s %127s %127s %63s %63s\n", &each->domid, &each->mib, how, each->built, each->label,
                                kernel, ramdisk) == 7;
         each++) {
        must(fgets(each->cmdline, sizeof(each->cmdline), file) != NULL, "a command line");
        each->cmdline[strcspn(each->cmdline, "\n")] = 0;
        each->hardware = !strcmp(how, "hardware");
        each->kernel = image(kernel);
        each->ramdisk = image(ramdisk);
        count++;
    }
    fclose(file);
}

static void load_modules(void)
{
    char path[256];
    FILE *file = fopen("/modules", "r");
    int module;

    must(file != NULL, "/modules");
    while (fscanf(file, "%255s", path) == 1) {
        module = open(path, O_RDONLY);
        must(module >= 0 && !syscall(SYS_finit_module, module, "", 0), path);
        close(module);
    }
    fclose(file);
}

/* PCR_Extend with the digest of `size` bytes in the four banks that swtpm has. */
static void extend(const void *bytes, size_t size)
{
    static const struct {
        uint8_t id;
        const char *name;
    } banks[] = { { 0x04, "SHA1" }, { 0x0b, "SHA256" }, { 0x0c, "SHA384" }, { 0x0d, "SHA512" } };
    /* Header, handle, the size of the authorization, an empty password. */
    uint8_t command[512] = { 0x80, 0x02, 0, 0, 0, 0, 0, 0, 0x01, 0x82, 0, 0, 0, PCR, 0, 0, 0, 9, 0x40, 0, 0, 0x09, 0, 0, 0, 0, 0 };
    uint8_t response[64];
    size_t at = 27;
    unsigned int length;
    double start;

    command[at + 3] = 4;
    at += 4;
    for (int i = 0; i < 4; i++) {
        command[at + 1] = banks[i].id;
        must(EVP_Digest(bytes, size, command + at + 2, &length, EVP_get_digestbyname(banks[i].name), NULL), "a digest");
        at += 2 + length;
    }
    command[4] = at >> 8;
    command[5] = at;
    start = milliseconds();
    must(write(tpm, command, at) == (ssize_t)at, "ask the TPM");
    must(read(tpm, response, sizeof(response)) >= 10 && !memcmp(response + 6, "\0\0\0\0", 4), "the TPM's answer");
    tpm_time += milliseconds() - start;
    commands++;
}

static void measure_image(struct image *each)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int length;
    double start = milliseconds();

    /* One that several domains have is hashed once, and measured for each. */
    if (!each->measured++)
        must(EVP_Digest(each->bytes, each->size, digest, &length, EVP_sha256(), NULL), "a digest");
    extend(digest, length);
    say("measured %s, %zu bytes, %.1f ms", each->name, each->size, milliseconds() - start);
}

static void measure(void)
{
    tpm = open("/dev/tpm0", O_RDWR);
    must(tpm >= 0, "/dev/tpm0");
    for (int i = 0; i < count; i++) {
        extend(domains[i].label, strlen(domains[i].label));
        measure_image(domains[i].kernel);
        extend(domains[i].cmdline, strlen(domains[i].cmdline));
        measure_image(domains[i].ramdisk);
    }
    extend("\0\0\0\0", 4);
    close(tpm);
}

static uint32_t sid_of(char *label)
{
    uint32_t sid;

    must(!xc_flask_context_to_sid(xch, label, strlen(label), &sid), label);
    return sid;
}

static void create(struct domain *each)
{
    struct xen_domctl_createdomain config = {
        .ssidref = sid_of(each->built),
        .max_vcpus = 1,
        .max_evtchn_port = each->hardware ? -1 : 1023,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
    uint32_t domid = each->domid;

    must(getrandom(config.handle, sizeof(config.handle), 0) == sizeof(config.handle), "a UUID");
    must(!xc_domain_create(xch, &domid, &config) && domid == each->domid, "create a domain");
    must(!xc_domain_max_vcpus(xch, domid, 1), "vCPUs");
    must(!xc_domain_setmaxmem(xch, domid, each->mib * 1024 + SLACK_KIB), "the most memory");
    must(!xc_domain_set_memmap_limit(xch, domid, each->mib * 1024), "the memory map");
}

static void build(struct domain *each)
{
    struct xc_dom_image *dom = xc_dom_allocate(xch, each->cmdline, NULL);
    size_t before = each->hardware ? HANDOVER : 0;
    void *module = each->ramdisk->bytes;
    double start = milliseconds();

    must(dom != NULL, "allocate");
    if (before) {
        module = mmap(NULL, before + each->ramdisk->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(module != MAP_FAILED, "memory");
        memcpy(module + before, each->ramdisk->bytes, each->ramdisk->size);
    }
    must(!xc_dom_kernel_mem(dom, each->kernel->bytes, each->kernel->size), "a kernel");
    must(!xc_dom_module_max_size(dom, before + each->ramdisk->size), "a ramdisk's size");
    must(!xc_dom_module_mem(dom, module, before + each->ramdisk->size, NULL), "a ramdisk");
    must(!xc_dom_boot_xen_init(dom, xch, each->domid ? each->domid : DOMAIN_ZERO), "Xen");
    dom->container_type = XC_DOM_PV_CONTAINER;
    dom->flags = each->hardware ? SIF_PRIVILEGED | SIF_INITDOMAIN : 0;
    dom->max_vcpus = 1;
    must(!xc_dom_parse_image(dom), "parse");
    dom->console_domid = dom->xenstore_domid = each->domid;
    must(!xc_dom_mem_init(dom, each->mib), "memory");
    must(!xc_dom_boot_mem_init(dom), "give memory");
    must(!xc_dom_build_image(dom), "build");
    if (each->domid == 0) {
        /* All else that is written from here on is mapped already (bindings/xen/build.ts). */
        xc_dom_pfn_to_ptr(dom, dom->start_info_pfn, 1);
        dom->guest_domid = 0;
    }
    must(!xc_dom_boot_image(dom), "boot");
    must(!xc_dom_gnttab_init(dom), "grants");
    xc_dom_release(dom);
    if (before)
        munmap(module, before + each->ramdisk->size);
    say("built domain %u, %.1f ms", each->domid, milliseconds() - start);
}

/* Two kernels must not drive one TPM. */
static void release_tpm(void)
{
    char driver[PATH_MAX], device[PATH_MAX], name[NAME_MAX + 1];
    int file;

    must(realpath("/sys/class/tpm/tpm0/device", device) != NULL, device);
    snprintf(name, sizeof(name), "%s", strrchr(device, '/') + 1);
    must(realpath("/sys/class/tpm/tpm0/device/driver/unbind", driver) != NULL, "the TPM's driver");
    file = open(driver, O_WRONLY);
    must(file >= 0 && write(file, name, strlen(name)) == (ssize_t)strlen(name), "let go of the TPM");
    close(file);
}

static void run_node(void)
{
    char *argv[] = { "node", "/empty.cjs", NULL };
    double start = milliseconds();
    pid_t child = fork();
    int status;

    if (child == 0) {
        execv("/usr/bin/node", argv);
        _exit(127);
    }
    must(child > 0 && waitpid(child, &status, 0) == child && status == 0, "run Node");
    say("an empty Node took %.1f ms", milliseconds() - start);
}

int main(int argc, char **argv)
{
    double start = milliseconds(), begun;
    int measuring = 0, node = 0;

    for (int i = 1; i < argc; i++) {
        measuring |= !strcmp(argv[i], "measure");
        node |= !strcmp(argv[i], "node");
    }
    must(!mount("proc", "/proc", "proc", 0, "") && !mount("sysfs", "/sys", "sysfs", 0, ""), "mount");
    must(!mount("devtmpfs", "/dev", "devtmpfs", 0, ""), "mount /dev");
    if (node)
        run_node();
    load_modules();
    read_domains();
    xch = xc_interface_open(NULL, NULL, 0);
    must(xch != NULL, "reach Xen");
    say("begins after %.1f ms, %s", milliseconds() - start, measuring ? "measures" : "measures nothing");
    begun = milliseconds();
    if (measuring)
        measure();
    say("measuring took %.1f ms", milliseconds() - begun);
    begun = milliseconds();
    for (int i = 0; i < count; i++)
        create(&domains[i]);
    for (int i = 0; i < count; i++)
        build(&domains[i]);
    say("creating and building took %.1f ms", milliseconds() - begun);
    for (int i = 0; i < count; i++)
        must(!xc_flask_relabel_domain(xch, domains[i].domid, sid_of(domains[i].label)), "a label");
    release_tpm();
    for (int i = 0; i < count; i++)
        must(!xc_domain_unpause(xch, domains[i].domid), "start a domain");
    xc_interface_close(xch);
    say("init to halt %.1f ms (%d commands of the TPM %.1f ms); halts now", milliseconds() - start, commands, tpm_time);
    reboot(RB_HALT_SYSTEM);
    return 0;
}
