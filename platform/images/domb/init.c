/*
 * domB's init until Node can be it: mounts the file system that Node is in, which lies in the initramfs as a file, and becomes the next init: the
 * launcher of the daemon, or what a boot domain has in its place. Of a compressed file system only what is used is in memory, and what is clean there can be dropped.
 *
 * No C library: a static one is forty times as large as this program.
 */
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <linux/reboot.h>

/* platform/images/mounted-runtime.ts has the same. */
#define RUNTIME "/runtime.squashfs"
#define MOUNT_POINT "/runtime"
#define DEVICE "/dev/loop0"
/* Lines of a path and the module's parameters. */
#define MODULES "/etc/domb/runtime-modules"
/* daemon/plan/settings.ts, daemon/plan/compiled-code.ts */
#define SETTINGS "/etc/domb/settings.json"
#define NEXT_INIT "/usr/lib/domb/init"

/* More than either of the two files has. */
static char text[8192];
/* Without an initializer, which a compiler may have memset write. */
static struct loop_config loop;

/* Gives the result, or an error number below zero. */
static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
		     : "rcx", "r11", "memory");
	return result;
}

static void say(const char *words)
{
	long length = 0;

	while (words[length])
		length++;
	call(__NR_write, 2, (long)words, length, 0, 0);
}

static void say_number(long number)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = 0;
	do
		*--at = '0' + number % 10;
	while (number /= 10);
	say(at);
}

/* Reads a file's text; gives an error number below zero where that fails or the text is too long. */
static long read_text(const char *path)
{
	long file = call(__NR_open, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long length;

	if (file < 0)
		return file;
	length = call(__NR_read, file, (long)text, sizeof(text), 0, 0);
	call(__NR_close, file, 0, 0, 0, 0);
	if (length == sizeof(text))
		return -EFBIG;
	if (length >= 0)
		text[length] = 0;
	return length;
}

static int text_has(const char *words)
{
	for (const char *at = text; *at; at++) {
		long same = 0;

		while (words[same] && at[same] == words[same])
			same++;
		if (!words[same])
			return 1;
	}
	return 0;
}

/* Ends the boot as the daemon does before there is a manifest: nothing has been started, and nothing is measured that could be believed. */
static void __attribute__((noreturn)) fail(const char *what, const char *where, long error)
{
	int reboots = read_text(SETTINGS) > 0 && text_has("\"onFailure\":\"reboot\"");

	say("domb: init: ");
	say(what);
	say(" ");
	say(where);
	say(": errno ");
	say_number(-error);
	say("\ndomb: what to do: build the boot image again; with errno 12, give domB the memory that domb image names\n");
	say(reboots ? "domb: the machine reboots\n" : "domb: the machine halts\n");
	call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
	     reboots ? LINUX_REBOOT_CMD_RESTART : LINUX_REBOOT_CMD_HALT, 0, 0);
	/* Linux panics when its init ends. */
	for (;;)
		call(__NR_exit, 1, 0, 0, 0, 0);
}

static long opened(const char *path)
{
	long file = call(__NR_open, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (file < 0)
		fail("open", path, file);
	return file;
}

static void load_module(const char *path, const char *parameters)
{
	long file = opened(path);
	long error = call(__NR_finit_module, file, (long)parameters, 0, 0, 0);

	if (error < 0 && error != -EEXIST)
		fail("load the module", path, error);
	call(__NR_close, file, 0, 0, 0, 0);
}

static void load_modules(void)
{
	long length = read_text(MODULES);
	char *path = text;

	if (length < 0)
		fail("read", MODULES, length);
	while (*path) {
		char *end = path;
		const char *parameters = "";

		for (; *end && *end != '\n'; end++)
			if (*end == ' ' && !*parameters) {
				*end = 0;
				parameters = end + 1;
			}
		if (*end)
			*end++ = 0;
		load_module(path, parameters);
		path = end;
	}
}

static void mount_runtime(void)
{
	long device = opened(DEVICE);
	long error;

	loop.fd = opened(RUNTIME);
	loop.info.lo_flags = LO_FLAGS_READ_ONLY;
	error = call(__NR_ioctl, device, LOOP_CONFIGURE, (long)&loop, 0, 0);
	if (error < 0)
		fail("LOOP_CONFIGURE of", DEVICE, error);
	error = call(__NR_mount, (long)DEVICE, (long)MOUNT_POINT, (long)"squashfs",
		     MS_RDONLY | MS_NOSUID | MS_NODEV, 0);
	if (error < 0)
		fail("mount", RUNTIME, error);
	call(__NR_close, loop.fd, 0, 0, 0, 0);
	call(__NR_close, device, 0, 0, 0, 0);
}

static void __attribute__((noreturn, used)) start(char **stack)
{
	char **argv = stack + 1;
	char **environment = argv + (long)*stack + 1;
	long error;

	load_modules();
	mount_runtime();
	error = call(__NR_execve, (long)NEXT_INIT, (long)argv, (long)environment, 0, 0);
	fail("execve", NEXT_INIT, error);
}

/* The stack has the number of arguments, then the arguments and the environment (System V ABI, AMD64 supplement, 3.4.1). */
asm(".globl _start\n"
    "_start:\n"
    "	mov %rsp, %rdi\n"
    "	and $-16, %rsp\n"
    "	call start\n");
