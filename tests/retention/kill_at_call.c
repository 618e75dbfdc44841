/* Preloaded: counts the calls that change what is on the disk, once it is told to, and ends the process at
   one of them, or stops it at each from one on, whose number is negative. Of a write half of the bytes arrive;
   one that was stopped goes on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long made, last;
static atomic_int counts;

void truyvet_kill_at(long number) { made = 0; last = number; counts = 1; }
long truyvet_calls(void) { counts = 0; return made; }

static int is_last(void) {
    if (!counts) return 0;
    long number = atomic_fetch_add(&made, 1) + 1;
    return number == last || (last < 0 && number >= -last);
}
static void end(void) {
    if (last < 0) { raise(SIGSTOP); return; }  /* this thread before all others */
    kill(getpid(), SIGKILL);
    for (;;) pause();
}
static int is_file(int fd) {
    struct stat about;
    return counts && fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CALL(kind, name, words, values) \
    kind name words { if (is_last()) end(); return REAL(name) values; }
#define WRITE(name, words, values, half, rest) \
    ssize_t name words { \
        if (!is_file(fd) || !is_last()) return REAL(name) values; \
        ssize_t done = REAL(name) half; \
        end(); \
        if (done < 0) return done; \
        ssize_t more = REAL(name) rest; \
        return more < 0 ? more : done + more; }
#define OPEN(name, words, values) \
    int name words { \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if ((flags & (O_CREAT | O_TRUNC)) && is_last()) end(); \
        return REAL(name) values; }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
WRITE(write, (int fd, const void *data, size_t size), (fd, data, size),
      (fd, data, size / 2), (fd, (const char *)data + done, size - done))
WRITE(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at),
      (fd, data, size / 2, at), (fd, (const char *)data + done, size - done, at + done))
WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at),
      (fd, data, size / 2, at), (fd, (const char *)data + done, size - done, at + done))
WRITE(writev, (int fd, const struct iovec *parts, int count), (fd, parts, count),
      (fd, parts, count / 2), (fd, parts + count / 2, count - count / 2))
CALL(int, fsync, (int fd), (fd))
CALL(int, fdatasync, (int fd), (fd))
CALL(int, ftruncate, (int fd, off_t size), (fd, size))
CALL(int, ftruncate64, (int fd, off64_t size), (fd, size))
CALL(int, rename, (const char *from, const char *to), (from, to))
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned how), (a, from, b, to, how))
CALL(int, link, (const char *from, const char *to), (from, to))
CALL(int, linkat, (int a, const char *from, int b, const char *to, int how), (a, from, b, to, how))
CALL(int, symlink, (const char *to, const char *path), (to, path))
CALL(int, unlink, (const char *path), (path))
CALL(int, unlinkat, (int at, const char *path, int how), (at, path, how))
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
CALL(int, rmdir, (const char *path), (path))
CALL(int, chmod, (const char *path, mode_t mode), (path, mode))
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size))
CALL(ssize_t, sendfile64, (int to, int from, off64_t *at, size_t size), (to, from, at, size))
CALL(ssize_t, copy_file_range, (int from, off64_t *a, int to, off64_t *b, size_t size, unsigned how),
     (from, a, to, b, size, how))
CALL(int, utimensat, (int at, const char *path, const struct timespec times[2], int how),
     (at, path, times, how))
