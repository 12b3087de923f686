#include "quantize_implementations.h"

#define CK_CHOOSE_FORM(set, form)                                                                                     \
    ((form) == ck_activation_form_int12         ? ck_quantize_row_int12_##set                                         \
         : (form) == ck_activation_form_short8 ? ck_quantize_row_short8_##set                                         \
                                               : ck_quantize_row_int8_##set)

static ck_quantize_row *implementation(ck_instruction_set set, ck_activation_form form) {
    switch (set) {
#if defined(__x86_64__)
    case ck_instruction_set_avx2: return CK_CHOOSE_FORM(avx2, form);
    case ck_instruction_set_avx512:
    case ck_instruction_set_avx512vnni: return CK_CHOOSE_FORM(avx512, form);
#elif defined(__aarch64__)
    case ck_instruction_set_neon: return CK_CHOOSE_FORM(neon, form);
#endif
    default: return CK_CHOOSE_FORM(portable, form);
    }
}

static ck_make_pair_groups *pair_implementation(ck_instruction_set set) {
#if defined(__x86_64__)
    if (set == ck_instruction_set_avx512vnni) return ck_make_pair_groups_avx512vnni;
#else
    (void)set;
#endif
    return ck_make_pair_groups_portable;
}

void ck_quantize_rows(
    ck_instruction_set set, const float *x, int64_t x_stride, ck_activations out, const int32_t shape[2],
    ck_activation_form form) {
    ck_quantize_row *quantize = implementation(set, form);
    ck_make_pair_groups *make_pair_groups = pair_implementation(set);
    const int64_t group_count = shape[1] / ck_group_size;
    for (int64_t row = 0; row < shape[0]; row++) {
        int8_t *values = out.values + row * out.value_stride;
        ck_activation_group *groups = out.groups + row * out.group_stride;
        quantize(x + row * x_stride, group_count, values, groups);
        if (out.pair_groups && form == ck_activation_form_short8)
            make_pair_groups(values, groups, group_count, out.pair_groups + row * out.group_stride);
    }
}

void ck_make_pair_groups_portable(
    const int8_t *values, const ck_activation_group *groups, int64_t group_count, ck_pair_group *out) {
    for (int64_t g = 0; g < group_count; g++, values += ck_group_size) {
        int32_t besides = 0;
        for (int i = 0; i < 4 * ck_paired_steps; i++)
            if (i % 8 < 4) besides += values[i] * (values[i + 4] + 128);
        for (int i = 4 * ck_paired_steps; i < ck_group_size; i++) besides += 8 * values[i];
        out[g] = (ck_pair_group){
            groups[g].scale, groups[g].scaled_sum, -besides, -besides - 8 * groups[g].negative_sum};
    }
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
