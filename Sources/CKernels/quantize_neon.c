#if defined(__aarch64__)
#include <arm_neon.h>

#include "quantize_implementations.h"

CK_INLINE void quantize_groups_neon(
    const int limit, const float *x, int64_t group_count, void *values, ck_activation_group *groups) {
    for (int64_t g = 0; g < group_count; g++) {
        const float *from = x + 32 * g;
        uint32x4_t largest = vdupq_n_u32(0);
        for (int i = 0; i < 8; i++) {
            const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(from + 4 * i));
            largest = vmaxq_u32(largest, vandq_u32(bits, vdupq_n_u32(0x7fffffff)));
        }
        float scale;
        const float factor = ck_quantize_factor(limit, vmaxvq_u32(largest), &scale);
        int32x4_t sums[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
        for (int i = 0; i < 8; i++) {
            const int32x4_t rounded = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(from + 4 * i), factor));
            const int32x4_t q = factor == 0 ? vdupq_n_s32(0) : rounded;
            sums[i / 4] = vaddq_s32(sums[i / 4], q);
            const int16x4_t narrow = vmovn_s32(q);
            if (limit == ck_int12_limit) {
                vst1_s16((int16_t *)values + 32 * g + 4 * i, narrow);
                continue;
            }
            const int8x8_t bytes = vmovn_s16(vcombine_s16(narrow, narrow));
            vst1_lane_s32((int32_t *)values + 8 * g + i, vreinterpret_s32_s8(bytes), 0);
        }
        if (limit == ck_int12_limit) {
            groups[g] = (ck_activation_group){.scale = scale};
            continue;
        }
        groups[g] = ck_make_group(scale, vaddvq_s32(sums[0]), vaddvq_s32(sums[1]));
    }
}

CK_QUANTIZE_ROWS(neon)
#endif
