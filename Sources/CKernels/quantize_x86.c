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

/// The largest lane of each of four vectors.
CK_INLINE __m128i largest_of_each(const __m512i v[4]) {
    const __m512i first = _mm512_max_epu32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
    const __m512i last = _mm512_max_epu32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
    const __m512i all = _mm512_max_epu32(_mm512_unpacklo_epi64(first, last), _mm512_unpackhi_epi64(first, last));
    const __m256i half = _mm256_max_epu32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    return _mm_max_epu32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/// Writes 64 values of two groups, given the lower and the higher half of each, and returns the sums of these four.
CK_INLINE __m128i pack_two_groups(const __m512i halves[4], int8_t *values) {
    // Packing works within 128-bit parts: a part holds four values of each half, and the permutation puts them in order.
    const __m512i words = _mm512_packs_epi32(halves[0], halves[1]), others = _mm512_packs_epi32(halves[2], halves[3]);
    const __m512i bytes = _mm512_packs_epi16(words, others);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(values, _mm512_permutexvar_epi32(order, bytes));
    const __m512i pairs = _mm512_maddubs_epi16(_mm512_set1_epi8(1), bytes);
    const __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(fours), _mm512_extracti64x4_epi64(fours, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/// Quantises four groups to int8, with the bits that they would have one by one; false, and nothing is written, if one of
/// them is not finite. Together because a group alone is mostly waiting for its largest magnitude and for two divisions.
CK_INLINE bool quantize_four_groups(
    const int most_value, const float *x, int8_t *values, ck_activation_group *groups) {
    __m512i largest[4], halves[8];
    for (int g = 0; g < 4; g++) {
        const __m512 low = _mm512_abs_ps(_mm512_loadu_ps(x + 32 * g));
        const __m512 high = _mm512_abs_ps(_mm512_loadu_ps(x + 32 * g + 16));
        largest[g] = _mm512_max_epu32(_mm512_castps_si512(low), _mm512_castps_si512(high));
    }
    const __m128i most = largest_of_each(largest);
    if (_mm_cmplt_epu32_mask(most, _mm_set1_epi32(0x7f800000)) != 15) return false;
    const __mmask8 is_normal = _mm_cmpge_epu32_mask(most, _mm_set1_epi32(ck_smallest_magnitude));
    const __m128 limit = _mm_set1_ps((float)most_value);
    const __m128 scales = _mm_maskz_div_ps(is_normal, _mm_castsi128_ps(most), limit);
    const __m512 factors = _mm512_castps128_ps512(_mm_maskz_div_ps(is_normal, limit, _mm_castsi128_ps(most)));
    for (int i = 0; i < 8; i++) {
        const __m512 factor = _mm512_permutexvar_ps(_mm512_set1_epi32(i / 2), factors);
        halves[i] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16 * i), factor));
    }
    const __m128 first = _mm_castsi128_ps(pack_two_groups(halves, values));
    const __m128 last = _mm_castsi128_ps(pack_two_groups(halves + 4, values + 64));
    const __m128i low = _mm_castps_si128(_mm_shuffle_ps(first, last, 0x88));
    const __m128i sum = _mm_add_epi32(low, _mm_castps_si128(_mm_shuffle_ps(first, last, 0xdd)));
    // The four fields of four groups, turned into groups.
    _Static_assert(sizeof(ck_activation_group) == sizeof(__m128), "a group has four fields of four bytes");
    __m128 rows[4] = {
        scales, _mm_mul_ps(scales, _mm_cvtepi32_ps(sum)),
        _mm_castsi128_ps(_mm_sub_epi32(_mm_setzero_si128(), sum)),
        _mm_castsi128_ps(_mm_sub_epi32(_mm_setzero_si128(), low))};
    _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
    for (int g = 0; g < 4; g++) _mm_storeu_ps((float *)(groups + g), rows[g]);
    return true;
}

CK_INLINE void quantize_groups_avx512(
    const int limit, const float *x, int64_t group_count, void *values, ck_activation_group *groups) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    for (int64_t g = 0; g < group_count; g++) {
        if (limit != ck_int12_limit && group_count >= 4) {
            // The last four may overlap those before.
            const int64_t at = g + 4 <= group_count ? g : group_count - 4;
            if (quantize_four_groups(limit, x + 32 * at, (int8_t *)values + 32 * at, groups + at)) {
                g = at + 3;
                continue;
            }
        }
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

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c"))), apply_to = function)

/// What two groups' steps multiply besides the wanted products, as sums of four: lanes 0 to 7 are the first group's.
CK_INLINE __m512i besides_of_two(const int8_t *values) {
    _Static_assert(ck_paired_steps == 6, "steps 6 and 7 are not paired");
    const __m512i x = _mm512_loadu_si512(values);
    const __mmask16 first_of_pair = 0x1515, not_paired = 0xc0c0;
    // Σ x (y + 128) for the first step of a pair, x, and the second, y; 8 Σ x for those that are not paired.
    const __m512i second = _mm512_maskz_shuffle_epi32(first_of_pair, x, 0xb1);
    const __m512i raised = _mm512_mask_xor_epi32(second, first_of_pair, second, _mm512_set1_epi8(-128));
    const __m512i factors = _mm512_mask_blend_epi32(not_paired, raised, _mm512_set1_epi8(8));
    return _mm512_dpbusd_epi32(_mm512_setzero_si512(), factors, x);
}

CK_INLINE void make_eight_pair_groups(const int8_t *values, const ck_activation_group *groups, ck_pair_group *out) {
    __m512i sums[4];
    for (int i = 0; i < 4; i++) sums[i] = besides_of_two(values + 64 * i);
    // Quarter by quarter the sums of four lanes of each, then of two quarters: those of a group.
    const __m512i first = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[0], sums[1]), _mm512_unpackhi_epi32(sums[0], sums[1]));
    const __m512i last = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2], sums[3]), _mm512_unpackhi_epi32(sums[2], sums[3]));
    const __m512i quarters = _mm512_add_epi32(_mm512_unpacklo_epi64(first, last), _mm512_unpackhi_epi64(first, last));
    const __m512i pairs = _mm512_add_epi32(quarters, _mm512_shuffle_i32x4(quarters, quarters, 0xb1));
    // Four groups' fields at a time: two as they are, the third a sum that becomes two.
    _Static_assert(sizeof(ck_activation_group) == 16 && sizeof(ck_pair_group) == 16, "four fields of four bytes");
    for (int i = 0; i < 2; i++) {
        const __m512i fields = _mm512_loadu_si512(groups + 4 * i);
        // Groups 0, 2, 4, 6 are in quarter 0 and 1, 3, 5, 7 in quarter 2.
        const __m512i order = _mm512_add_epi32(
            _mm512_setr_epi32(0, 0, 0, 0, 8, 8, 8, 8, 1, 1, 1, 1, 9, 9, 9, 9), _mm512_set1_epi32(2 * i));
        const __m512i starts = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_permutexvar_epi32(order, pairs));
        const __m512i eight_sums = _mm512_slli_epi32(_mm512_shuffle_epi32(fields, 0xaa), 3);
        const __m512i raw = _mm512_mask_sub_epi32(starts, 0x8888, starts, eight_sums);
        _mm512_storeu_si512(out + 4 * i, _mm512_mask_blend_epi32(0xcccc, fields, raw));
    }
}

void ck_make_pair_groups_avx512vnni(
    const int8_t *values, const ck_activation_group *groups, int64_t group_count, ck_pair_group *out) {
    if (group_count < 8) return ck_make_pair_groups_portable(values, groups, group_count, out);
    for (int64_t g = 0; g < group_count; g += 8) {
        // The last eight may overlap those before.
        const int64_t at = g + 8 <= group_count ? g : group_count - 8;
        make_eight_pair_groups(values + ck_group_size * at, groups + at, out + at);
    }
}

#pragma clang attribute pop
#endif
