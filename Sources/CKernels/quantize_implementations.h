// One activation quantiser per instruction set; quantize_rows.c chooses.
#ifndef CK_QUANTIZE_IMPLEMENTATIONS_H
#define CK_QUANTIZE_IMPLEMENTATIONS_H

#include "panel_traits.h"

/// Quantises the groups of one row. `values` are int8 or int16.
typedef void ck_quantize_row(const float *x, int64_t group_count, void *values, ck_activation_group *groups);

#define CK_DECLARE_QUANTIZE_ROWS(set)                                                                                 \
    ck_quantize_row ck_quantize_row_int8_##set, ck_quantize_row_short8_##set, ck_quantize_row_int12_##set;
CK_DECLARE_QUANTIZE_ROWS(portable)
#if defined(__x86_64__)
CK_DECLARE_QUANTIZE_ROWS(avx2)
CK_DECLARE_QUANTIZE_ROWS(avx512)
#elif defined(__aarch64__)
CK_DECLARE_QUANTIZE_ROWS(neon)
#endif

/// Writes what products that pair their steps need of a row, given the groups that others need.
typedef void ck_make_pair_groups(
    const int8_t *values, const ck_activation_group *groups, int64_t group_count, ck_pair_group *out);

ck_make_pair_groups ck_make_pair_groups_portable;
#if defined(__x86_64__)
ck_make_pair_groups ck_make_pair_groups_avx512vnni;
#endif

enum { ck_int8_limit = 127, ck_short8_limit = 120, ck_int12_limit = 2047 };

/// The bits of 2^-100: a group of smaller numbers counts as one of zeros.
enum { ck_smallest_magnitude = 0x0d800000 };

/// Defines the row quantisers of all forms from `quantize_groups(limit, x, group_count, values, groups)`, whose limit is
/// a constant where it is inlined.
#define CK_QUANTIZE_ROWS(set)                                                                                         \
    void ck_quantize_row_int8_##set(const float *x, int64_t count, void *values, ck_activation_group *groups) {       \
        quantize_groups_##set(ck_int8_limit, x, count, values, groups);                                               \
    }                                                                                                                 \
    void ck_quantize_row_short8_##set(const float *x, int64_t count, void *values, ck_activation_group *groups) {     \
        quantize_groups_##set(ck_short8_limit, x, count, values, groups);                                             \
    }                                                                                                                 \
    void ck_quantize_row_int12_##set(const float *x, int64_t count, void *values, ck_activation_group *groups) {      \
        quantize_groups_##set(ck_int12_limit, x, count, values, groups);                                              \
    }

/// Factor from activations to values, given the bits of the group's largest magnitude (a NaN's are above infinity's).
/// 0 for groups that are all but zero, whose factor would overflow, and for groups that are not finite.
CK_INLINE float ck_quantize_factor(float limit, uint32_t largest_bits, float *scale) {
    const float largest = ck_float_of_bits(largest_bits);
    *scale = largest_bits < ck_smallest_magnitude ? 0 : largest / limit;
    return largest_bits < ck_smallest_magnitude || largest_bits >= 0x7f800000 ? 0 : limit / largest;
}

CK_INLINE ck_activation_group ck_make_group(float scale, int32_t low_sum, int32_t high_sum) {
    const int32_t sum = low_sum + high_sum;
    return (ck_activation_group){scale, scale * (float)sum, -sum, -low_sum};
}

#endif
