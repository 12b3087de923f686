#include "dequantize_groups.h"

#pragma STDC FP_CONTRACT OFF

void ck_group_values(int32_t type, const ck_stored_group *group, float out[32]) {
    const ck_traits traits = ck_traits_of(type);
    const uint8_t *table = ck_code_table(type);
    for (int h = 0; h < 2; h++) {
        float scale = traits.scale == scale_bf16 ? ck_load_bfloat(&group->scale) : ck_load_half(&group->scale);
        float min = traits.has_min ? ck_load_half(&group->min) : 0;
        if (traits.scale == scale_block8) {
            const int step = traits.has_half_groups ? h : 0;
            scale *= traits.has_signed_scales ? (float)(int8_t)group->steps[step] : (float)group->steps[step];
            min *= (float)group->min_steps[traits.has_min ? step : 0];
        }
        for (int i = 16 * h; i < 16 * h + 16; i++) {
            const int code = traits.has_table ? table[group->codes[i]] : group->codes[i];
            const float value = scale * (float)(code - traits.zero);
            out[i] = traits.has_min ? value + min : value;
        }
    }
}

static bool dequantize_plain(int32_t type, const uint8_t *from, int64_t count, float *out) {
    switch (type) {
    case ck_type_f32: memcpy(out, from, (size_t)count * 4); return true;
    case ck_type_f16:
        for (int64_t i = 0; i < count; i++) out[i] = ck_load_half(from + 2 * i);
        return true;
    case ck_type_bf16:
        for (int64_t i = 0; i < count; i++) out[i] = ck_load_bfloat(from + 2 * i);
        return true;
    default: return false;
    }
}

bool ck_dequantize(int32_t type, const void *blocks, int64_t count, float *out) {
    int32_t elements, bytes;
    if (!ck_block_shape(type, &elements, &bytes)) return dequantize_plain(type, blocks, count, out);
    ck_stored_group group = {0};
    for (int64_t g = 0; g < count / 32; g++) {
        ck_read_group(type, blocks, g, &group);
        ck_group_values(type, &group, out + 32 * g);
    }
    return true;
}
