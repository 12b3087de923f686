#ifndef CK_INSTRUCTION_SET_H
#define CK_INSTRUCTION_SET_H

#include <stdbool.h>
#include <stdint.h>

/// What a kernel may execute. Values are stable: they stand in reports and in packed files.
///
/// - portable: plain C, every machine; the reference for the others
/// - avx2: AVX2 with FMA and F16C
/// - avx512: AVX-512 F, BW, DQ and VL
/// - avx512vnni: the above with `vpdpbusd`
/// - neon: AArch64 Advanced SIMD; the dot product instruction is used where it was compiled in
typedef int32_t ck_instruction_set;
enum {
    ck_instruction_set_portable = 0,
    ck_instruction_set_avx2 = 1,
    ck_instruction_set_avx512 = 2,
    ck_instruction_set_avx512vnni = 3,
    ck_instruction_set_neon = 4,
};

/// Whether this machine (processor and operating system) can execute `set`. Costs some 100 ns: ask once.
bool ck_instruction_set_is_available(ck_instruction_set set);

/// Whether products on `set` can compute two steps in one dot product: this machine has AVX-512 VNNI and GFNI, and `set` is that.
/// It changes no bit of any result.
bool ck_can_pair_steps(ck_instruction_set set);

/// Whether they are faster so: the processor adds bytes on other ports than those it multiplies on (AMD, from Zen 4 on).
bool ck_pairs_steps(ck_instruction_set set);

/// Names the calling thread for debuggers and `top`; at most 15 bytes on Linux. Swift does not import the system's call.
void ck_name_this_thread(const char *name);

/// Tells the processor that a loop waits for another thread.
static inline void ck_spin_hint(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
