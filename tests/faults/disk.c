// A disk that fails when it is told to, preloaded into burnlab by tests/burnlab/faults.rs.
//
// Counts every call that changes a file below $FAULT_ROOT, over all processes together, in the shared page $FAULT_STATE.
// The $FAULT_AT-th one meets $FAULT:
//   once:ERRNO  it fails, the next one works
//   stay:ERRNO  it and all after it fail, a write after half of its bytes (a full disk)
//   kill        the process is killed in it, a write after half of its bytes
//
// In C: SQLite and Rust's standard library both come here through libc's names, and Rust cannot define the variadic open.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
    atomic_ulong calls;
    atomic_ulong fired;
    char what[4096]; // the call that met the fault, for the test's messages
};

static struct state *state;
static const char *root;
static unsigned long at;
static int error_number;
static enum { ONCE, STAY, KILL } mode;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    const char *fault = getenv("FAULT"), *file = getenv("FAULT_STATE");
    if (!fault || !file) return;
    mode = *fault == 'k' ? KILL : *fault == 's' ? STAY : ONCE;
    const char *number = strchr(fault, ':');
    error_number = number ? atoi(number + 1) : 0;
    at = strtoul(getenv("FAULT_AT"), NULL, 10);
    int fd = REAL(open)(file, O_RDWR);
    if (fd < 0) abort();
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED) abort();
    close(fd);
    root = getenv("FAULT_ROOT");
}

static int is_below_root(const char *path) {
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

enum verdict { PASS, FAIL, HALF };

// HALF: half of a write is done before the fault.
static enum verdict meets(const char *call, const char *path) {
    if (!is_below_root(path)) return PASS;
    unsigned long number = 1 + atomic_fetch_add(&state->calls, 1);
    if (number < at || (number > at && mode != STAY)) return PASS;
    if (number > at) return FAIL;
    snprintf(state->what, sizeof state->what, "%s %s", call, path);
    atomic_store(&state->fired, 1);
    return mode == ONCE ? FAIL : HALF;
}

static int fail(void) {
    if (mode == KILL) kill(getpid(), SIGKILL);
    errno = error_number;
    return -1;
}

static enum verdict of_fd(const char *call, int fd) {
    if (!root) return PASS;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return PASS;
    path[length] = 0;
    return meets(call, path);
}

static enum verdict of_path(const char *call, int folder, const char *name) {
    if (!root) return PASS;
    if (*name == '/') return meets(call, name);
    char link[64] = "/proc/self/cwd", base[PATH_MAX], path[2 * PATH_MAX];
    if (folder != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return PASS;
    base[length] = 0;
    snprintf(path, sizeof path, "%s/%s", base, name);
    return meets(call, path);
}

#define GUARD(met)                                                                                                     \
    if ((met) != PASS) return fail()

// --- by path

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t bits = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT)) GUARD(of_path("open", AT_FDCWD, path));                             \
        return REAL(name)(path, flags, bits);                                                                          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int folder, const char *path, int flags, ...) {                                                           \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t bits = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
        va_end(rest);                                                                                                  \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT)) GUARD(of_path("open", folder, path));                               \
        return REAL(name)(folder, path, flags, bits);                                                                  \
    }
OPENAT(openat)
OPENAT(openat64)

int rename(const char *from, const char *to) {
    GUARD(of_path("rename", AT_FDCWD, to));
    return REAL(rename)(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    GUARD(of_path("rename", to_folder, to));
    return REAL(renameat)(from_folder, from, to_folder, to);
}

int mkdirat(int folder, const char *path, mode_t bits) {
    GUARD(of_path("mkdir", folder, path));
    return REAL(mkdirat)(folder, path, bits);
}

int mkdir(const char *path, mode_t bits) {
    GUARD(of_path("mkdir", AT_FDCWD, path));
    return REAL(mkdir)(path, bits);
}

int unlink(const char *path) {
    GUARD(of_path("unlink", AT_FDCWD, path));
    return REAL(unlink)(path);
}

int rmdir(const char *path) {
    GUARD(of_path("rmdir", AT_FDCWD, path));
    return REAL(rmdir)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    GUARD(of_path("unlink", folder, path));
    return REAL(unlinkat)(folder, path, flags);
}

// --- by file descriptor

int fsync(int fd) {
    GUARD(of_fd("fsync", fd));
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    GUARD(of_fd("fdatasync", fd));
    return REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t length) {
    GUARD(of_fd("ftruncate", fd));
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    GUARD(of_fd("ftruncate", fd));
    return REAL(ftruncate64)(fd, length);
}

// A write that meets HALF writes half; a full disk says so at the next one, as a kernel's does.
#define WRITE(call, fd, count, half, whole)                                                                            \
    enum verdict met = of_fd(call, fd);                                                                                \
    if (met == FAIL || (met == HALF && (count) < 2)) return fail();                                                    \
    if (met == PASS) return whole;                                                                                     \
    ssize_t written = half;                                                                                            \
    return mode == KILL ? fail() : written

ssize_t write(int fd, const void *bytes, size_t count) {
    WRITE("write", fd, count, REAL(write)(fd, bytes, count / 2), REAL(write)(fd, bytes, count));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) {
    WRITE("pwrite", fd, count, REAL(pwrite)(fd, bytes, count / 2, place), REAL(pwrite)(fd, bytes, count, place));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t place) {
    WRITE("pwrite", fd, count, REAL(pwrite64)(fd, bytes, count / 2, place),
          REAL(pwrite64)(fd, bytes, count, place));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    WRITE("writev", fd, count, REAL(writev)(fd, parts, count / 2), REAL(writev)(fd, parts, count));
}
