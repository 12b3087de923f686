// Products with Advanced SIMD. 32 registers hold a tile of 2 rows and one panel (four vectors of 4 outputs). The dot product
// instruction is used where the compiler may assume it (-march=armv8.2-a+dotprod, or any Apple processor).
#if defined(__aarch64__)
#include <arm_neon.h>

#include "matmul_implementations.h"
#include "panel_traits.h"

#define LANES 4
typedef uint8x16_t VB;
typedef int32x4_t VI;
typedef float32x4_t VF;

enum { CK_PREFETCH_BYTES = 4 << 10, CK_SHORT_PREFETCH_BYTES = 4 << 10 };

CK_INLINE VB v_load_bytes(const uint8_t *p) { return vld1q_u8(p); }
CK_INLINE VB v_low_half(VB v) { return vandq_u8(v, vdupq_n_u8(15)); }
CK_INLINE VB v_high_half(VB v) { return vshrq_n_u8(v, 4); }
CK_INLINE VB v_join_high(VB half, VB high, int at, int bits) {
    const VB lifted = vshlq_u8(high, vdupq_n_s8((int8_t)(4 - at)));
    return vorrq_u8(half, vandq_u8(lifted, vdupq_n_u8((uint8_t)(((1 << bits) - 1) << 4))));
}
CK_INLINE VB v_load_halves(const uint8_t *p, int lane) {
    const VB both = v_load_bytes(p + 4 * lane % 32);
    return lane < 8 ? both : v_high_half(both);
}
CK_INLINE VB v_load_table(const uint8_t *p) { return vld1q_u8(p); }
CK_INLINE VB v_lookup(VB table, VB indices) { return vqtbl1q_u8(table, indices); }

CK_INLINE VI v_broadcast4(int32_t v) { return vdupq_n_s32(v); }
CK_INLINE VI v_load_broadcast4(const int32_t *p) { return vdupq_n_s32(*p); }
CK_INLINE VI v_subtract_i32(VI a, VI b) { return vsubq_s32(a, b); }
CK_INLINE VI v_times(VI a, int b) { return vmulq_n_s32(a, b); }
CK_INLINE VF v_to_float(VI v) { return vcvtq_f32_s32(v); }

CK_INLINE VF v_zero(void) { return vdupq_n_f32(0); }
CK_INLINE VF v_broadcast(float v) { return vdupq_n_f32(v); }
CK_INLINE VF v_add(VF a, VF b) { return vaddq_f32(a, b); }
CK_INLINE VF v_multiply(VF a, VF b) { return vmulq_f32(a, b); }
CK_INLINE VF v_multiply_add(VF a, VF b, VF c) { return vfmaq_f32(c, a, b); }

CK_INLINE uint16x4_t load_4_words(const uint8_t *p) { return vreinterpret_u16_u8(vld1_u8(p)); }
CK_INLINE uint16x4_t load_4_bytes(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, 4);
    return vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))));
}
CK_INLINE VF v_load_half(const uint8_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(load_4_words(p))); }
CK_INLINE VF v_load_bfloat(const uint8_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(load_4_words(p), 16)); }
CK_INLINE VF v_load_u8(const uint8_t *p) { return vcvtq_f32_u32(vmovl_u16(load_4_bytes(p))); }
CK_INLINE VF v_load_i8(const uint8_t *p) {
    // Moved to the top byte and back, the sign is spread.
    const int32x4_t bytes = vreinterpretq_s32_u32(vmovl_u16(load_4_bytes(p)));
    return vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(bytes, 24), 24));
}
CK_INLINE VF v_load_float(const uint8_t *p) { return vreinterpretq_f32_u8(vld1q_u8(p)); }
CK_INLINE void v_store_float(float *p, VF v) { vst1q_f32(p, v); }
CK_INLINE void v_prefetch(const uint8_t *p) { __builtin_prefetch(p); }
CK_INLINE void v_prefetch_near(const uint8_t *p) { __builtin_prefetch(p); }

// The instruction multiplies signed bytes. Codes up to 127 are that already; wide ones lose 128.
enum { ck_centers_wide = 1 };
CK_INLINE VI v_dot(VI sum, VB codes, VI x, ck_traits traits) {
    const int8x16_t activations = vreinterpretq_s8_s32(x);
    const int8x16_t weights = vreinterpretq_s8_u8(traits.is_wide ? veorq_u8(codes, vdupq_n_u8(128)) : codes);
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, weights, activations);
#else
    const int16x8_t low = vmull_s8(vget_low_s8(weights), vget_low_s8(activations));
    const int16x8_t high = vmull_high_s8(weights, activations);
    return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}

CK_INLINE VI v_dot_wide(VI sum, VB codes, VI x) {
    const int16x8_t weights = vreinterpretq_s16_u8(codes), activations = vreinterpretq_s16_s32(x);
    const int32x4_t low = vmull_s16(vget_low_s16(weights), vget_low_s16(activations));
    return vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(weights, activations)));
}

#include "matmul_quantized_tile.h"

#define CK_TILES(type)                                                                                                \
    CK_TILE_FUNCTION(type, 1, 1) CK_TILE_FUNCTION(type, 2, 1)                                                         \
    static const ck_tile_function single_##type[] = {tile_##type##_1x1, tile_##type##_2x1};                           \
    static const ck_tile_set tiles_##type = {.single = single_##type, .most_rows = 2};
CK_FOR_EACH_BLOCK_TYPE(CK_TILES)

void ck_matmul_quantized_neon(
    const ck_panels *panels, const ck_activations *x, ck_destination y, ck_product_range range) {
    CK_MULTIPLY_RANGE(panels, x, y, range, 0)
}

#include "matmul_float_tile.h"

CK_FLOAT_TILE_FUNCTION(1, 1)
CK_FLOAT_TILE_FUNCTION(2, 1)
CK_FLOAT_TILE_FUNCTION(3, 1)

static const ck_tile_function float_single[] = {float_tile_1x1, float_tile_2x1, float_tile_3x1};
static const ck_tile_set float_tiles = {.single = float_single, .most_rows = 3};

void ck_matmul_float_neon(const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range) {
    ck_walk_tiles(&float_tiles, panels, float_tile(panels, x), y, range);
}
#endif
