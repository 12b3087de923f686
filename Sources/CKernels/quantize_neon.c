#if defined(__aarch64__)
#include <arm_neon.h>

#include "quantize_implementations.h"

void ck_quantize_row_neon(const float *x, int64_t group_count, int8_t *values, ck_activation_group *groups) {
    for (int64_t g = 0; g < group_count; g++) {
        const float *from = x + 32 * g;
        uint32x4_t largest = vdupq_n_u32(0);
        for (int i = 0; i < 8; i++) {
            const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(from + 4 * i));
            largest = vmaxq_u32(largest, vandq_u32(bits, vdupq_n_u32(0x7fffffff)));
        }
        float scale;
        const float factor = ck_quantize_factor(vmaxvq_u32(largest), &scale);
        int32x4_t sums[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
        for (int i = 0; i < 8; i++) {
            const int32x4_t rounded = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(from + 4 * i), factor));
            const int32x4_t q = factor == 0 ? vdupq_n_s32(0) : rounded;
            sums[i / 4] = vaddq_s32(sums[i / 4], q);
            const int16x4_t narrow = vmovn_s32(q);
            const int8x8_t bytes = vmovn_s16(vcombine_s16(narrow, narrow));
            vst1_lane_s32((int32_t *)(void *)(values + 32 * g + 4 * i), vreinterpret_s32_s8(bytes), 0);
        }
        groups[g] = ck_make_group(scale, vaddvq_s32(sums[0]), vaddvq_s32(sums[1]));
    }
}
#endif
