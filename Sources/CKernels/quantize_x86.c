#if defined(__x86_64__)
#include <immintrin.h>

#include "quantize_implementations.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

CK_INLINE uint32_t largest_of_8(__m256i v) {
    __m128i most = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0x4e));
    most = _mm_max_epu32(most, _mm_shuffle_epi32(most, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(most);
}

CK_INLINE int32_t sum_of_8(__m256i v) {
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}

CK_INLINE void quantize_groups_avx2(
    const int limit, const float *x, int64_t group_count, void *values, ck_activation_group *groups) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    for (int64_t g = 0; g < group_count; g++) {
        const float *from = x + 32 * g;
        __m256i largest = _mm256_setzero_si256(), q[4];
        for (int i = 0; i < 4; i++) {
            const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(from + 8 * i));
            largest = _mm256_max_epu32(largest, _mm256_and_si256(bits, magnitude));
        }
        float scale;
        const float factor = ck_quantize_factor(limit, largest_of_8(largest), &scale);
        for (int i = 0; i < 4; i++) {
            const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(from + 8 * i), _mm256_set1_ps(factor));
            q[i] = factor == 0 ? _mm256_setzero_si256() : _mm256_cvtps_epi32(scaled);
        }
        // Packing works within 128-bit halves; the permutations put the fours back in order.
        const __m256i low_words = _mm256_packs_epi32(q[0], q[1]), high_words = _mm256_packs_epi32(q[2], q[3]);
        if (limit == ck_int12_limit) {
            __m256i *to = (__m256i *)values + 2 * g;
            _mm256_storeu_si256(to, _mm256_permute4x64_epi64(low_words, 0xd8));
            _mm256_storeu_si256(to + 1, _mm256_permute4x64_epi64(high_words, 0xd8));
            groups[g] = (ck_activation_group){.scale = scale};
            continue;
        }
        const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        const __m256i bytes = _mm256_packs_epi16(low_words, high_words);
        _mm256_storeu_si256((__m256i *)values + g, _mm256_permutevar8x32_epi32(bytes, order));
        const int32_t low = sum_of_8(_mm256_add_epi32(q[0], q[1])), high = sum_of_8(_mm256_add_epi32(q[2], q[3]));
        groups[g] = ck_make_group(scale, low, high);
    }
}

CK_QUANTIZE_ROWS(avx2)

#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"))), \
                             apply_to = function)

CK_INLINE void quantize_groups_avx512(
    const int limit, const float *x, int64_t group_count, void *values, ck_activation_group *groups) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    for (int64_t g = 0; g < group_count; g++) {
        const __m512 low = _mm512_loadu_ps(x + 32 * g), high = _mm512_loadu_ps(x + 32 * g + 16);
        const __m512i largest = _mm512_max_epu32(
            _mm512_and_si512(_mm512_castps_si512(low), magnitude),
            _mm512_and_si512(_mm512_castps_si512(high), magnitude));
        float scale;
        const float factor = ck_quantize_factor(limit, _mm512_reduce_max_epu32(largest), &scale);
        const __mmask16 keep = factor == 0 ? 0 : 0xffff;
        const __m512 factors = _mm512_set1_ps(factor);
        const __m512i low_q = _mm512_maskz_cvtps_epi32(keep, _mm512_mul_ps(low, factors));
        const __m512i high_q = _mm512_maskz_cvtps_epi32(keep, _mm512_mul_ps(high, factors));
        if (limit == ck_int12_limit) {
            _mm256_storeu_si256((__m256i *)values + 2 * g, _mm512_cvtepi32_epi16(low_q));
            _mm256_storeu_si256((__m256i *)values + 2 * g + 1, _mm512_cvtepi32_epi16(high_q));
            groups[g] = (ck_activation_group){.scale = scale};
            continue;
        }
        _mm_storeu_si128((__m128i *)values + 2 * g, _mm512_cvtepi32_epi8(low_q));
        _mm_storeu_si128((__m128i *)values + 2 * g + 1, _mm512_cvtepi32_epi8(high_q));
        groups[g] = ck_make_group(scale, _mm512_reduce_add_epi32(low_q), _mm512_reduce_add_epi32(high_q));
    }
}

CK_QUANTIZE_ROWS(avx512)

#pragma clang attribute pop
#endif
