// How the panels of each element type are laid out, and scalar conversions. Everything folds at compile time when the
// type is a constant.
#ifndef CK_PANEL_TRAITS_H
#define CK_PANEL_TRAITS_H

#include <string.h>

#include "include/ck_matmul.h"

#define CK_INLINE static inline __attribute__((always_inline, unused))

typedef enum {
    scale_f16,     // 16 halves per group
    scale_bf16,    // 16 bfloat16 per group
    scale_block8,  // 16 bytes per group (or half group), times 16 halves per block of 256
} ck_scale_form;

typedef struct {
    int bits;                // of a stored code: 4 to 8, or 16 for signed codes that meet 12-bit activations
    bool has_table;          // codes are indices into ck_code_table
    bool is_wide;            // decoded codes reach above 127
    bool has_min;            // w = scale·code + min; otherwise w = scale·(code - zero)
    bool has_half_groups;    // one scale (and min) per 16 inputs
    bool has_signed_scales;  // bytes of scale_block8
    ck_scale_form scale;
    int zero;
} ck_traits;

/// Products that pair their steps compute two steps, of codes w and v and activations x and y, in one dot product:
///
///     Σ (w + y)(v + x) = Σ wx + vy + Σ wv + Σ xy
///
/// (S. Winograd, "A New Algorithm for Inner Product", IEEE Transactions on Computers C-17, 1968). The sums of wv and of xy are the
/// same for all rows and for all outputs. Of a group's 8 steps the first six are paired, which keeps a processor's adders and
/// multipliers about equally busy; the last two are multiplied as they are. Codes have 8 taken off, and w + y has 128 added: bytes
/// with a sign meet bytes without one.
enum { ck_paired_steps = 6 };

/// Types of panels that are none of the GGUF format. `wide` is f16 and bf16 weights: int16 codes with a power of two per
/// group; `factor_5` and `factor_6` the factor A of a low-rank change in as many bits.
enum { ck_type_wide = 1000, ck_type_factor_5 = 1005, ck_type_factor_6 = 1006 };

/// The type whose tiles multiply panels of `type`.
CK_INLINE int32_t ck_panel_type(int32_t type) {
    return type == ck_type_f16 || type == ck_type_bf16 ? ck_type_wide : type;
}

CK_INLINE ck_traits ck_traits_of(int32_t type) {
    switch (type) {
    case ck_type_f16:
    case ck_type_bf16:
    case ck_type_wide: return (ck_traits){.bits = 16, .scale = scale_bf16};
    case ck_type_q4_0: return (ck_traits){.bits = 4, .zero = 8};
    case ck_type_q4_1: return (ck_traits){.bits = 4, .has_min = true};
    case ck_type_q4_k: return (ck_traits){.bits = 4, .has_min = true, .scale = scale_block8};
    case ck_type_iq4_nl: return (ck_traits){.bits = 4, .has_table = true, .is_wide = true, .zero = 128};
    case ck_type_mxfp4: return (ck_traits){.bits = 4, .has_table = true, .scale = scale_bf16, .zero = 12};
    case ck_type_q8_0: return (ck_traits){.bits = 8, .is_wide = true, .zero = 128};
    case ck_type_factor_5: return (ck_traits){.bits = 5, .scale = scale_bf16, .zero = 16};
    case ck_type_factor_6: return (ck_traits){.bits = 6, .scale = scale_bf16, .zero = 32};
    case ck_type_q5_0: return (ck_traits){.bits = 5, .zero = 16};
    case ck_type_q5_1: return (ck_traits){.bits = 5, .has_min = true};
    case ck_type_q5_k: return (ck_traits){.bits = 5, .has_min = true, .scale = scale_block8};
    case ck_type_q6_k:
        return (ck_traits){
            .bits = 6, .has_half_groups = true, .has_signed_scales = true, .scale = scale_block8, .zero = 32};
    case ck_type_q3_k:
        return (ck_traits){
            .bits = 4, .has_half_groups = true, .has_signed_scales = true, .scale = scale_block8, .zero = 4};
    case ck_type_q2_k:
        return (ck_traits){.bits = 4, .has_min = true, .has_half_groups = true, .scale = scale_block8};
    default: return (ck_traits){.bits = 0};
    }
}

/// Decoded codes of the table types, already raised by the type's zero. Source: `kvalues` of the reference decoder.
CK_INLINE const uint8_t *ck_code_table(int32_t type) {
    static const uint8_t iq4_nl[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
    static const uint8_t mxfp4[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
    return type == ck_type_iq4_nl ? iq4_nl : mxfp4;
}

/// A panel is four arrays in this order; offsets in bytes. Codes are `[groups, 8 steps, 16 outputs, 4 inputs]`, one
/// byte each, `[groups, 16 steps, 16 outputs, 2 inputs]` with 16 bits, or with 4 bits two steps to a byte (the earlier in
/// the low half). Codes of 5 and 6 bits are
/// kept as their low 4 bits, in that form, followed by one or two times 64 bytes for the rest: a byte holds bits of the
/// same output and input for 8 steps (a fifth bit) or 4 steps (two bits), the earliest lowest.
typedef struct {
    int64_t code_bytes, scale_bytes, min_bytes;  // per group
    int64_t scales, mins, blocks, end;           // offsets; blocks: 16 halves d, then 16 halves -dmin
} ck_panel_layout;

CK_INLINE ck_panel_layout ck_layout_of(ck_traits traits, int64_t group_count) {
    ck_panel_layout layout;
    const int64_t in_group = traits.scale == scale_block8 ? (traits.has_half_groups ? 32 : 16) : 32;
    layout.code_bytes = 64 * traits.bits;
    layout.scale_bytes = in_group;
    layout.min_bytes = traits.has_min ? in_group : 0;
    layout.scales = group_count * layout.code_bytes;
    layout.mins = layout.scales + group_count * layout.scale_bytes;
    layout.blocks = layout.mins + group_count * layout.min_bytes;
    layout.end = layout.blocks;
    if (traits.scale == scale_block8) layout.end += group_count / 8 * (traits.has_min ? 64 : 32);
    return layout;
}

/// The stored code of one step of a group; `place` is 4 · output + input.
CK_INLINE uint8_t ck_code_at(ck_traits traits, const uint8_t *codes, int step, int place) {
    if (traits.bits == 8) return codes[64 * step + place];
    const uint8_t half = codes[step / 2 * 64 + place] >> (step % 2 * 4) & 15;
    if (traits.bits == 4) return half;
    const int bits = traits.bits - 4, steps = 8 / bits;
    const int high = codes[256 + step / steps * 64 + place] >> (step % steps * bits) & ((1 << bits) - 1);
    return (uint8_t)(half | high << 4);
}

CK_INLINE float ck_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/// Widens a half, denormals, infinities and NaN included, without the instruction for it.
CK_INLINE float ck_float_of_half(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00) return ck_float_of_bits(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    // 2^-24 times an integer below 1024 is exact; so is shifting the exponent of a normal number.
    if (magnitude < 0x400) {
        const float value = (float)magnitude * 0x1p-24f;
        return sign ? -value : value;
    }
    return ck_float_of_bits(sign | ((magnitude << 13) + 0x38000000));
}

CK_INLINE uint16_t ck_load_u16(const void *from) {
    uint16_t value;
    memcpy(&value, from, 2);
    return value;
}

CK_INLINE float ck_load_half(const void *from) { return ck_float_of_half(ck_load_u16(from)); }
CK_INLINE float ck_load_bfloat(const void *from) { return ck_float_of_bits((uint32_t)ck_load_u16(from) << 16); }

#endif
