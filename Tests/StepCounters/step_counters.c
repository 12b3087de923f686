#define _GNU_SOURCE
#include "step_counters.h"

#include <stddef.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__GLIBC__) && !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#define COUNTS 1
#else
#define COUNTS 0
#endif

static _Thread_local sc_counter *watching;

bool sc_is_available(void) { return COUNTS; }

void sc_watch_this_thread(sc_counter *counter) { watching = counter; }

int64_t sc_allocations(const sc_counter *counter) { return __atomic_load_n(&counter->allocations, __ATOMIC_SEQ_CST); }

int64_t sc_locks(const sc_counter *counter) { return __atomic_load_n(&counter->locks, __ATOMIC_SEQ_CST); }

#if COUNTS

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void trace(sc_counter *counter, const char *what, size_t length) {
    // What the tracing itself allocates does not count.
    watching = NULL;
    void *frames[24];
    int depth = backtrace(frames, 24);
    if (write(2, what, length) > 0) backtrace_symbols_fd(frames + 2, depth - 2, 2);
    watching = counter;
}

static inline void note_allocation(void) {
    sc_counter *counter = watching;
    if (!counter) return;
    __atomic_fetch_add(&counter->allocations, 1, __ATOMIC_RELAXED);
    if (counter->traces) trace(counter, "allocation\n", 11);
}

static inline void note_lock(void) {
    sc_counter *counter = watching;
    if (!counter) return;
    __atomic_fetch_add(&counter->locks, 1, __ATOMIC_RELAXED);
    if (counter->traces) trace(counter, "lock\n", 5);
}

// glibc's own names for what is replaced here.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    note_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note_allocation();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    note_allocation();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    note_allocation();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note_allocation();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    note_allocation();
    void *result = __libc_memalign(alignment, size);
    if (!result) return ENOMEM;
    *memory = result;
    return 0;
}

// The system's function, looked up at its first call; the race between two first calls is harmless.
#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    NEXT(pthread_mutex_lock);
    note_lock();
    return next(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    NEXT(pthread_mutex_trylock);
    note_lock();
    return next(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
    NEXT(pthread_rwlock_rdlock);
    note_lock();
    return next(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
    NEXT(pthread_rwlock_wrlock);
    note_lock();
    return next(lock);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    NEXT(pthread_cond_wait);
    note_lock();
    return next(condition, mutex);
}

int pthread_cond_signal(pthread_cond_t *condition) {
    NEXT(pthread_cond_signal);
    note_lock();
    return next(condition);
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
    NEXT(pthread_cond_broadcast);
    note_lock();
    return next(condition);
}

long syscall(long number, ...) {
    NEXT(syscall);
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number == SYS_futex) note_lock();
    return next(number, a, b, c, d, e, f);
}

#endif
