#include "include/ck_instruction_set.h"

#if defined(__x86_64__)
#include <cpuid.h>

// cpuid by hand rather than __builtin_cpu_supports: the latter needs a support library that not every C toolchain links.

/// The register state that the operating system saves, XCR0; 0 when it saves none.
static uint64_t saved_state(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static bool has_avx2(void) {
    unsigned a, b, c, d;
    if ((saved_state() & 0x6) != 0x6) return false;
    __get_cpuid(1, &a, &b, &c, &d);
    if (!(c & bit_FMA) || !(c & bit_F16C)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static bool has_avx512(bool with_vnni) {
    unsigned a, b, c, d;
    if (!has_avx2() || (saved_state() & 0xe6) != 0xe6) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const unsigned needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    return (b & needed) == needed && (!with_vnni || (c & bit_AVX512VNNI));
}

static bool has_gfni(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_GFNI);
}

static bool is_amd(void) {
    unsigned a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx && c == signature_AMD_ecx && d == signature_AMD_edx;
}
#endif

bool ck_instruction_set_is_available(ck_instruction_set set) {
    switch (set) {
    case ck_instruction_set_portable: return true;
#if defined(__x86_64__)
    case ck_instruction_set_avx2: return has_avx2();
    case ck_instruction_set_avx512: return has_avx512(false);
    case ck_instruction_set_avx512vnni: return has_avx512(true);
#elif defined(__aarch64__)
    case ck_instruction_set_neon: return true;
#endif
    default: return false;
    }
}

bool ck_can_pair_steps(ck_instruction_set set) {
#if defined(__x86_64__)
    return set == ck_instruction_set_avx512vnni && has_avx512(true) && has_gfni();
#else
    (void)set;
    return false;
#endif
}

bool ck_pairs_steps(ck_instruction_set set) {
#if defined(__x86_64__)
    return ck_can_pair_steps(set) && is_amd();
#else
    (void)set;
    return false;
#endif
}
