// Preloaded into a host: counts what an audio thread must not do between `guard_enter` and `guard_leave` of the same
// thread. For glibc.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

static __thread int inside;
static long n_memory, n_locks, n_files;

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED void guard_enter(void) { inside = 1; }
EXPORTED void guard_leave(void) { inside = 0; }
EXPORTED void guard_counts(long *counts) { counts[0] = n_memory, counts[1] = n_locks, counts[2] = n_files; }

static void count(long *which) {
    if (inside) __atomic_add_fetch(which, 1, __ATOMIC_RELAXED);
}

// Looked up before a thread is watched (in `prepare`), for looking up may ask for memory.
template <typename F> static F *real(F *&known, const char *name) {
    if (!known) known = (F *)dlsym(RTLD_NEXT, name);
    return known;
}

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);
}

EXPORTED void *malloc(size_t size) { return count(&n_memory), __libc_malloc(size); }
EXPORTED void *calloc(size_t n, size_t size) { return count(&n_memory), __libc_calloc(n, size); }
EXPORTED void *realloc(void *old, size_t size) { return count(&n_memory), __libc_realloc(old, size); }
EXPORTED void *memalign(size_t alignment, size_t size) { return count(&n_memory), __libc_memalign(alignment, size); }
EXPORTED void *aligned_alloc(size_t alignment, size_t size) {
    return count(&n_memory), __libc_memalign(alignment, size);
}
EXPORTED int posix_memalign(void **to, size_t alignment, size_t size) {
    count(&n_memory);
    *to = __libc_memalign(alignment, size);
    return *to ? 0 : ENOMEM;
}
EXPORTED void free(void *memory) {
    if (memory) count(&n_memory);
    __libc_free(memory);
}

static int (*real_lock)(pthread_mutex_t *), (*real_cond)(pthread_cond_t *, pthread_mutex_t *), (*real_wait)(sem_t *),
    (*real_sleep)(const timespec *, timespec *);
static int (*real_open)(const char *, int, ...), (*real_openat)(int, const char *, int, ...);
static FILE *(*real_fopen)(const char *, const char *);
static ssize_t (*real_read)(int, void *, size_t), (*real_write)(int, const void *, size_t);

EXPORTED int pthread_mutex_lock(pthread_mutex_t *mutex) {
    return count(&n_locks), real(real_lock, "pthread_mutex_lock")(mutex);
}
EXPORTED int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex) {
    return count(&n_locks), real(real_cond, "pthread_cond_wait")(cond, mutex);
}
EXPORTED int sem_wait(sem_t *semaphore) { return count(&n_locks), real(real_wait, "sem_wait")(semaphore); }
EXPORTED int nanosleep(const timespec *span, timespec *left) {
    return count(&n_locks), real(real_sleep, "nanosleep")(span, left);
}

EXPORTED FILE *fopen(const char *path, const char *mode) {
    return count(&n_files), real(real_fopen, "fopen")(path, mode);
}
EXPORTED ssize_t read(int file, void *to, size_t size) {
    return count(&n_files), real(real_read, "read")(file, to, size);
}
EXPORTED ssize_t write(int file, const void *from, size_t size) {
    return count(&n_files), real(real_write, "write")(file, from, size);
}
EXPORTED int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const int mode = va_arg(more, int);
    va_end(more);
    return count(&n_files), real(real_open, "open")(path, flags, mode);
}
EXPORTED int openat(int folder, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const int mode = va_arg(more, int);
    va_end(more);
    return count(&n_files), real(real_openat, "openat")(folder, path, flags, mode);
}

__attribute__((constructor)) static void prepare(void) {
    real(real_lock, "pthread_mutex_lock"), real(real_cond, "pthread_cond_wait"), real(real_wait, "sem_wait"),
        real(real_sleep, "nanosleep");
    real(real_open, "open"), real(real_openat, "openat"), real(real_fopen, "fopen"), real(real_read, "read"),
        real(real_write, "write");
}
