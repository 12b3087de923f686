// Shows Thread Sanitizer the waiting half of Swift's `Mutex`; scripts/sanitize preloads it.
//
// `Mutex` (Synchronization, Linux) takes and leaves a free lock in code that is inlined into ours, and so is built for
// the sanitizer. Where a thread has to wait, or has to wake another, it calls into the standard library, which is not:
// the sanitizer misses the hand-over and reports a race between two closures of `withLock`. Here the two calls are
// wrapped, and the order they make is told to the sanitizer. Nothing is suppressed, so a true race beside a `Mutex` is
// still reported. Should a later library name the calls otherwise, this does nothing and the reports come back.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT_CALL __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))

// Weak: the programs that start the tests are preloaded with this, too, and have no sanitizer.
void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

// `_MutexHandle._lockSlow(_: UInt32)`; `self` is the address of the lock's word.
SWIFT_CALL void lock_slow(uint32_t thread, SWIFT_SELF void *mutex) __asm__(LOCK_SLOW);
SWIFT_CALL void lock_slow(uint32_t thread, SWIFT_SELF void *mutex) {
    SWIFT_CALL void (*original)(uint32_t, SWIFT_SELF void *) = dlsym(RTLD_NEXT, LOCK_SLOW);
    original(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

// `_MutexHandle._unlockSlow()`.
SWIFT_CALL void unlock_slow(SWIFT_SELF void *mutex) __asm__(UNLOCK_SLOW);
SWIFT_CALL void unlock_slow(SWIFT_SELF void *mutex) {
    SWIFT_CALL void (*original)(SWIFT_SELF void *) = dlsym(RTLD_NEXT, UNLOCK_SLOW);
    if (__tsan_release) __tsan_release(mutex);
    original(mutex);
}
