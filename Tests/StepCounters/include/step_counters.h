#ifndef STEP_COUNTERS_H
#define STEP_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/// What threads under watch asked of the heap and of the system's locks.
///
/// The program that holds this file defines `malloc` and its kin, `pthread_mutex_lock` and its kin, and `syscall` itself;
/// the loader gives its definitions to every library, so whoever allocates is seen. A thread counts from
/// `sc_watch_this_thread(counter)` on, and nobody else does: tests may run beside one another.
///
/// Not seen: a lock that is taken in inlined code without a call, as Swift's `Mutex` takes a free one. Waiting for such a
/// lock is seen, as a futex call.
typedef struct {
    /// Calls of malloc, calloc, realloc, aligned_alloc, posix_memalign and memalign.
    int64_t allocations;
    /// Mutexes and read-write locks taken, conditions waited for or signalled, futex calls.
    int64_t locks;
    /// Whether every counted call is written to the standard error with the addresses it came from.
    bool traces;
} sc_counter;

/// Whether calls can be counted here: on Linux with glibc, without a sanitizer, which has definitions of its own.
bool sc_is_available(void);

/// From now on, what the calling thread does is added to `counter`; null ends it.
void sc_watch_this_thread(sc_counter *counter);

/// Allocations and locks so far; other threads may be counting.
int64_t sc_allocations(const sc_counter *counter);
int64_t sc_locks(const sc_counter *counter);

#endif
