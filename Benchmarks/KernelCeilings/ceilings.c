// What the machine can do at best: the denominators of the kernel benchmark.
#include "include/ceilings.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f,avx512vnni"))) int64_t ceiling_int8(int64_t rounds) {
    __m512i sums[12], a = _mm512_set1_epi32(0x01020304), b = _mm512_set1_epi32(0x04030201);
    for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_epi32(i);
    for (int64_t n = 0; n < rounds; n++) {
        // The compiler must not fold equal rounds into one.
        __asm__ volatile("" : "+v"(a), "+v"(b));
#pragma unroll
        for (int i = 0; i < 12; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
#pragma unroll
        for (int i = 0; i < 12; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], b, a);
    }
    for (int i = 0; i < 12; i++) __asm__ volatile("" : "+v"(sums[i]));
    return rounds * 24 * 128;
}

__attribute__((target("avx512f"))) static int64_t float_wide(int64_t rounds) {
    __m512 sums[12], a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
    for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_ps((float)i);
    for (int64_t n = 0; n < rounds; n++) {
        __asm__ volatile("" : "+v"(a), "+v"(b));
#pragma unroll
        for (int i = 0; i < 12; i++) sums[i] = _mm512_fmadd_ps(a, b, sums[i]);
    }
    for (int i = 0; i < 12; i++) __asm__ volatile("" : "+v"(sums[i]));
    return rounds * 12 * 32;
}

__attribute__((target("avx2,fma"))) static int64_t float_narrow(int64_t rounds) {
    __m256 sums[12], a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
    for (int i = 0; i < 12; i++) sums[i] = _mm256_set1_ps((float)i);
    for (int64_t n = 0; n < rounds; n++) {
        __asm__ volatile("" : "+x"(a), "+x"(b));
#pragma unroll
        for (int i = 0; i < 12; i++) sums[i] = _mm256_fmadd_ps(a, b, sums[i]);
    }
    for (int i = 0; i < 12; i++) __asm__ volatile("" : "+x"(sums[i]));
    return rounds * 12 * 16;
}

int64_t ceiling_float(int64_t rounds, int32_t wide) { return wide ? float_wide(rounds) : float_narrow(rounds); }

__attribute__((target("avx2"))) uint64_t ceiling_read(const uint64_t *words, int64_t count) {
    __m256i sums[8];
    for (int i = 0; i < 8; i++) sums[i] = _mm256_setzero_si256();
    for (int64_t n = 0; n + 32 <= count; n += 32)
#pragma unroll
        for (int i = 0; i < 8; i++)
            sums[i] = _mm256_xor_si256(sums[i], _mm256_loadu_si256((const __m256i *)(words + n + 4 * i)));
    for (int i = 1; i < 8; i++) sums[0] = _mm256_xor_si256(sums[0], sums[i]);
    return (uint64_t)(_mm256_extract_epi64(sums[0], 0) ^ _mm256_extract_epi64(sums[0], 1) ^
                      _mm256_extract_epi64(sums[0], 2) ^ _mm256_extract_epi64(sums[0], 3));
}
#else
int64_t ceiling_int8(int64_t rounds) { return rounds * 0; }
int64_t ceiling_float(int64_t rounds, int32_t wide) { return rounds * wide * 0; }
uint64_t ceiling_read(const uint64_t *words, int64_t count) {
    uint64_t sum = 0;
    for (int64_t n = 0; n < count; n++) sum ^= words[n];
    return sum;
}
#endif
