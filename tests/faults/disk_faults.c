/* One call to the disk fails, below Python: preloaded into an agent and all that it starts.

   Counts every call that changes something under one folder (written, synced, made, renamed,
   linked, removed) and lets the one with a chosen number fail. What is counted, and which call
   failed, is in a file that is shared with whoever asked for it (disk_faults.py). */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct plan {
  int64_t count;  /* calls so far */
  int64_t at;     /* which one fails, from 1 on */
  int64_t error;  /* with which errno */
  char failed[488];
};

static struct plan *plan;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("EDGECHAIN_FAULTS");
  folder = getenv("EDGECHAIN_FAULTS_UNDER");
  if (!path || !folder) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *place = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (place != MAP_FAILED) plan = place;
}

static int is_under(const char *path) {
  size_t size = strlen(folder);
  return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == 0);
}

/* Whether this call is the one that fails. */
static int fails(const char *what, const char *path) {
  if (!is_under(path)) return 0;
  if (__atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST) != plan->at) return 0;
  snprintf(plan->failed, sizeof plan->failed, "%s %s", what, path);
  errno = (int)plan->error;
  return 1;
}

static int fails_fd(const char *what, int fd) {
  char link[64], path[PATH_MAX];
  if (!plan) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return fails(what, path);
}

static int fails_at(const char *what, int at, const char *path) {
  char whole[2 * PATH_MAX];
  if (!plan) return 0;
  if (path[0] == '/') return fails(what, path);
  if (at == AT_FDCWD) {
    if (!getcwd(whole, PATH_MAX)) return 0;
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t size = readlink(link, whole, PATH_MAX - 1);
    if (size < 0) return 0;
    whole[size] = 0;
  }
  strcat(whole, "/");
  strncat(whole, path, PATH_MAX - 1);
  return fails(what, whole);
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_FD(type, name, parameters, ...) \
  type name parameters { \
    REAL(name); \
    if (fails_fd(#name, fd)) return -1; \
    return real(__VA_ARGS__); \
  }

#define ON_PATH(name, at, path, parameters, ...) \
  int name parameters { \
    REAL(name); \
    if (fails_at(#name, at, path)) return -1; \
    return real(__VA_ARGS__); \
  }

ON_FD(ssize_t, write, (int fd, const void *data, size_t size), fd, data, size)
ON_FD(ssize_t, writev, (int fd, const struct iovec *data, int count), fd, data, count)
ON_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), fd, data, size, at)
ON_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), fd, data, size, at)
ON_FD(ssize_t, sendfile, (int fd, int from, off_t *at, size_t size), fd, from, at, size)
ON_FD(ssize_t, sendfile64, (int fd, int from, off64_t *at, size_t size), fd, from, at, size)
ON_FD(int, fsync, (int fd), fd)
ON_FD(int, fdatasync, (int fd), fd)
ON_FD(int, ftruncate, (int fd, off_t size), fd, size)
ON_FD(int, ftruncate64, (int fd, off64_t size), fd, size)

ssize_t copy_file_range(int from, off64_t *at, int fd, off64_t *to, size_t size, unsigned flags) {
  REAL(copy_file_range);
  if (fails_fd("copy_file_range", fd)) return -1;
  return real(from, at, fd, to, size, flags);
}

ON_PATH(mkdir, AT_FDCWD, path, (const char *path, mode_t mode), path, mode)
ON_PATH(mkdirat, at, path, (int at, const char *path, mode_t mode), at, path, mode)
ON_PATH(rename, AT_FDCWD, to, (const char *from, const char *to), from, to)
ON_PATH(renameat, at, to, (int from_at, const char *from, int at, const char *to), from_at, from,
        at, to)
ON_PATH(link, AT_FDCWD, to, (const char *from, const char *to), from, to)
ON_PATH(linkat, at, to, (int from_at, const char *from, int at, const char *to, int flags),
        from_at, from, at, to, flags)
ON_PATH(symlink, AT_FDCWD, to, (const char *from, const char *to), from, to)
ON_PATH(symlinkat, at, to, (const char *from, int at, const char *to), from, at, to)
ON_PATH(unlink, AT_FDCWD, path, (const char *path), path)
ON_PATH(unlinkat, at, path, (int at, const char *path, int flags), at, path, flags)
ON_PATH(rmdir, AT_FDCWD, path, (const char *path), path)
ON_PATH(chmod, AT_FDCWD, path, (const char *path, mode_t mode), path, mode)

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
    va_end(more); \
    if ((flags & O_CREAT) && fails_at("open", AT_FDCWD, path)) return -1; \
    return real(path, flags, mode); \
  }

#define OPENAT(name) \
  int name(int at, const char *path, int flags, ...) { \
    REAL(name); \
    va_list more; \
    va_start(more, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
    va_end(more); \
    if ((flags & O_CREAT) && fails_at("open", at, path)) return -1; \
    return real(at, path, flags, mode); \
  }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
