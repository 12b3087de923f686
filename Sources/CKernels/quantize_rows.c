#include "quantize_implementations.h"

static ck_quantize_row *implementation(ck_instruction_set set, bool is_wide) {
    switch (set) {
#if defined(__x86_64__)
    case ck_instruction_set_avx2: return is_wide ? ck_quantize_row_int12_avx2 : ck_quantize_row_int8_avx2;
    case ck_instruction_set_avx512:
    case ck_instruction_set_avx512vnni:
        return is_wide ? ck_quantize_row_int12_avx512 : ck_quantize_row_int8_avx512;
#elif defined(__aarch64__)
    case ck_instruction_set_neon: return is_wide ? ck_quantize_row_int12_neon : ck_quantize_row_int8_neon;
#endif
    default: return is_wide ? ck_quantize_row_int12_portable : ck_quantize_row_int8_portable;
    }
}

void ck_quantize_rows(
    ck_instruction_set set, const float *x, int64_t x_stride, ck_activations out, const int32_t shape[2],
    ck_activation_form form) {
    ck_quantize_row *quantize = implementation(set, form == ck_activation_form_int12);
    for (int64_t row = 0; row < shape[0]; row++)
        quantize(
            x + row * x_stride, shape[1] / ck_group_size, out.values + row * out.value_stride,
            out.groups + row * out.group_stride);
}

#pragma STDC FP_CONTRACT OFF

CK_INLINE void quantize_groups_portable(
    const int limit, const float *x, int64_t group_count, void *values, ck_activation_group *groups) {
    // Adding 1.5 · 2^23 leaves no fraction bits, so the sum is rounded half to even; |x · factor| stays below 2^22.
    const float rounder = 0x1.8p23f;
    for (int64_t g = 0; g < group_count; g++) {
        const float *from = x + 32 * g;
        uint32_t largest = 0, bits;
        for (int i = 0; i < 32; i++) {
            memcpy(&bits, from + i, 4);
            bits &= 0x7fffffff;
            largest = bits > largest ? bits : largest;
        }
        float scale;
        const float factor = ck_quantize_factor(limit, largest, &scale);
        int32_t sums[2] = {0, 0};
        for (int i = 0; i < 32; i++) {
            const int32_t value = factor == 0 ? 0 : (int32_t)(from[i] * factor + rounder - rounder);
            if (limit == ck_int12_limit) {
                ((int16_t *)values)[32 * g + i] = (int16_t)value;
            } else {
                ((int8_t *)values)[32 * g + i] = (int8_t)value;
                sums[i / 16] += value;
            }
        }
        groups[g] = ck_make_group(scale, sums[0], sums[1]);
    }
}

CK_QUANTIZE_ROWS(portable)
