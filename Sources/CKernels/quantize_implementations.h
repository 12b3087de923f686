// One activation quantiser per instruction set; quantize_rows.c chooses.
#ifndef CK_QUANTIZE_IMPLEMENTATIONS_H
#define CK_QUANTIZE_IMPLEMENTATIONS_H

#include "panel_traits.h"

/// Quantises the groups of one row.
typedef void ck_quantize_row(const float *x, int64_t group_count, int8_t *values, ck_activation_group *groups);

ck_quantize_row ck_quantize_row_portable;
#if defined(__x86_64__)
ck_quantize_row ck_quantize_row_avx2, ck_quantize_row_avx512;
#elif defined(__aarch64__)
ck_quantize_row ck_quantize_row_neon;
#endif

/// Factor from activations to values, given the bits of the group's largest magnitude (a NaN's are above infinity's).
/// 0 for groups that are all but zero, whose factor would overflow, and for groups that are not finite.
CK_INLINE float ck_quantize_factor(uint32_t largest_bits, float *scale) {
    const float largest = ck_float_of_bits(largest_bits);
    *scale = largest_bits < 0x0d800000 ? 0 : largest / 127;  // 2^-100
    return largest_bits < 0x0d800000 || largest_bits >= 0x7f800000 ? 0 : 127 / largest;
}

CK_INLINE ck_activation_group ck_make_group(float scale, int32_t low_sum, int32_t high_sum) {
    const int32_t sum = low_sum + high_sum;
    return (ck_activation_group){scale, scale * (float)sum, -sum, -low_sum};
}

#endif
