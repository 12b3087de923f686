#include <math.h>

#include "dequantize_groups.h"

#pragma STDC FP_CONTRACT OFF

static bool is_half(int32_t type) { return type == ck_type_f16 || type == ck_type_bf16; }

ck_activation_form ck_form_of(int32_t type, int64_t inputs) {
    if (is_half(type)) return inputs % ck_group_size == 0 ? ck_activation_form_int12 : ck_activation_form_float32;
    return type == ck_type_f32 ? ck_activation_form_float32 : ck_activation_form_int8;
}

bool ck_type_pairs_steps(int32_t type) {
    const ck_traits traits = ck_traits_of(type);
    return traits.bits == 4 && !traits.has_table && !traits.has_half_groups;
}

int64_t ck_panel_bytes(int32_t type, int64_t inputs) {
    int64_t bytes;
    int32_t elements, block_bytes;
    if (ck_form_of(type, inputs) == ck_activation_form_float32) {
        bytes = inputs * ck_panel_width * 4;
    } else if (is_half(type)) {
        bytes = ck_layout_of(ck_traits_of(type), inputs / ck_group_size).end;
    } else if (ck_block_shape(type, &elements, &block_bytes) && inputs % elements == 0) {
        bytes = ck_layout_of(ck_traits_of(type), inputs / ck_group_size).end;
    } else {
        return 0;
    }
    return (bytes + 63) / 64 * 64;
}

/// `[16 outputs, 8 steps, 4]` codes to `[8 steps, 16 outputs, 4]`.
CK_INLINE void transpose_codes(const uint32_t from[16][8], uint32_t to[8][16]) {
    for (int step = 0; step < 8; step++)
        for (int output = 0; output < 16; output++) to[step][output] = from[output][step];
}

CK_INLINE void store_codes(ck_traits traits, const uint32_t steps[8][16], uint8_t *out) {
    if (traits.bits == 8) {
        memcpy(out, steps, 512);
        return;
    }
    // Four codes of a word at once: the masks keep each in its byte.
    for (int pair = 0; pair < 4; pair++) {
        uint32_t both[16];
        for (int output = 0; output < 16; output++) {
            const uint32_t low = steps[2 * pair][output], high = steps[2 * pair + 1][output];
            both[output] = (low & 0x0f0f0f0f) | (high & 0x0f0f0f0f) << 4;
        }
        memcpy(out + 64 * pair, both, 64);
    }
    const int bits = traits.bits - 4;
    for (int first = 0; first < 8 && bits > 0; first += 8 / bits) {
        uint32_t high[16] = {0};
        for (int step = first; step < first + 8 / bits; step++)
            for (int output = 0; output < 16; output++)
                high[output] |= (steps[step][output] >> 4 & 0x03030303) << (step - first) * bits;
        memcpy(out + 256 + 64 * (first / (8 / bits)), high, 64);
    }
}

/// Writes scale and min of one output and group into its panel.
CK_INLINE void store_scales(
    ck_traits traits, const ck_panel_layout *layout, uint8_t *panel, const int64_t place[2],
    const ck_stored_group *group) {
    const int64_t g = place[0], output = place[1];
    uint8_t *scales = panel + layout->scales + g * layout->scale_bytes;
    uint8_t *mins = panel + layout->mins + g * layout->min_bytes;
    if (traits.scale != scale_block8) {
        memcpy(scales + 2 * output, &group->scale, 2);
        if (traits.has_min) memcpy(mins + 2 * output, &group->min, 2);
        return;
    }
    for (int h = 0; h < (traits.has_half_groups ? 2 : 1); h++) {
        scales[16 * h + output] = group->steps[h];
        if (traits.has_min) mins[16 * h + output] = group->min_steps[h];
    }
    if (g % 8 != 0) return;
    uint8_t *block = panel + layout->blocks + g / 8 * (traits.has_min ? 64 : 32);
    memcpy(block + 2 * output, &group->scale, 2);
    if (traits.has_min) memcpy(block + 32 + 2 * output, &group->min, 2);
}

CK_INLINE void pack_blocks(
    int32_t type, uint8_t *panel, const uint8_t *rows, int64_t row_bytes, const int64_t shape[2]) {
    const ck_traits traits = ck_traits_of(type);
    const int64_t row_count = shape[0], group_count = shape[1];
    const ck_panel_layout layout = ck_layout_of(traits, group_count);
    ck_stored_group group = {0};
    for (int64_t g = 0; g < group_count; g++) {
        uint32_t codes[16][8] = {{0}}, steps[8][16];
        for (int64_t output = 0; output < row_count; output++) {
            ck_read_group(type, rows + output * row_bytes, g, &group);
            memcpy(codes[output], group.codes, 32);
            const int64_t place[2] = {g, output};
            store_scales(traits, &layout, panel, place, &group);
        }
        transpose_codes(codes, steps);
        store_codes(traits, steps, panel + g * layout.code_bytes);
    }
}

/// Any plain type as float32, `[inputs, 16 outputs]`.
static void pack_floats(int32_t type, uint8_t *panel, const uint8_t *rows, int64_t row_bytes, const int64_t shape[2]) {
    const int64_t size = type == ck_type_f32 ? 4 : 2;
    for (int64_t k = 0; k < shape[1]; k++)
        for (int64_t output = 0; output < shape[0]; output++) {
            float value;
            ck_dequantize(type, rows + output * row_bytes + k * size, 1, &value);
            memcpy(panel + (k * ck_panel_width + output) * 4, &value, 4);
        }
}

/// The smallest power of two 2^e with largest / 2^e < 32768, so that the codes of the largest have 15 bits and a sign.
/// Infinities and NaN get one that keeps the product from being finite.
CK_INLINE float wide_scale(float largest) {
    uint32_t bits;
    memcpy(&bits, &largest, 4);
    if (bits >= 0x7f800000) return ck_float_of_bits(0x7f800000);
    // 2^-110 is small enough for anything that a half or a normal bfloat16 of a model can be.
    const uint32_t exponent = bits >> 23;
    return ck_float_of_bits((exponent > 31 ? exponent - 14 : 17) << 23);
}

/// int16 codes and a power of two for every 32 inputs of an output. Exact unless a weight is less than 2^-7 (bf16) or
/// 2^-4 (f16) of the group's largest; those are rounded to 2^-15 of the largest at worst.
static void pack_wide(int32_t type, uint8_t *panel, const uint8_t *rows, int64_t row_bytes, const int64_t shape[2]) {
    const int64_t group_count = shape[1] / ck_group_size;
    const ck_panel_layout layout = ck_layout_of(ck_traits_of(type), group_count);
    for (int64_t output = 0; output < shape[0]; output++) {
        for (int64_t g = 0; g < group_count; g++) {
            float values[32], largest;
            ck_dequantize(type, rows + output * row_bytes + g * 64, 32, values);
            // Magnitudes have bits in their order, with what is not finite above all: one such makes the scale so.
            uint32_t bits, largest_bits = 0;
            for (int i = 0; i < 32; i++) {
                memcpy(&bits, values + i, 4);
                bits &= 0x7fffffff;
                if (bits > largest_bits) largest_bits = bits;
            }
            memcpy(&largest, &largest_bits, 4);
            const float scale = wide_scale(largest);
            memcpy(&bits, &scale, 4);
            const uint16_t half = (uint16_t)(bits >> 16);
            memcpy(panel + layout.scales + g * layout.scale_bytes + 2 * output, &half, 2);
            for (int i = 0; i < 32; i++) {
                const int16_t code = isfinite(scale) ? (int16_t)fminf(rintf(values[i] / scale), 32767) : 1;
                memcpy(panel + g * layout.code_bytes + i / 2 * 64 + output * 4 + i % 2 * 2, &code, 2);
            }
        }
    }
}

CK_INLINE void unpack_wide(const ck_panels *panels, const uint8_t *panel, int64_t output, float *out) {
    const int64_t group_count = panels->inputs / ck_group_size;
    const ck_panel_layout layout = ck_layout_of(ck_traits_of(panels->type), group_count);
    for (int64_t k = 0; k < panels->inputs; k++) {
        const int64_t g = k / ck_group_size, i = k % ck_group_size;
        int16_t code;
        memcpy(&code, panel + g * layout.code_bytes + i / 2 * 64 + output * 4 + i % 2 * 2, 2);
        out[k] = (float)code * ck_load_bfloat(panel + layout.scales + g * layout.scale_bytes + 2 * output);
    }
}

// The type is a constant in every case, so that each gets a loop of its own.
#define CK_PACK_CASE(name)                                                                                            \
    case ck_type_##name: return pack_blocks(ck_type_##name, panel, rows, row_bytes, groups);
#define CK_FOR_EACH_PACKED_TYPE(act)                                                                                  \
    act(q4_0) act(q4_1) act(q5_0) act(q5_1) act(q8_0) act(q2_k) act(q3_k) act(q4_k) act(q5_k) act(q6_k) act(iq4_nl)    \
        act(mxfp4)

static void pack_panel(
    int32_t type, uint8_t *panel, const uint8_t *rows, int64_t row_bytes, const int64_t shape[2]) {
    const int64_t groups[2] = {shape[0], shape[1] / ck_group_size};
    if (ck_form_of(type, shape[1]) == ck_activation_form_float32)
        return pack_floats(type, panel, rows, row_bytes, shape);
    if (is_half(type)) return pack_wide(type, panel, rows, row_bytes, shape);
    switch (type) {
        CK_FOR_EACH_PACKED_TYPE(CK_PACK_CASE)
    }
}

void ck_pack_panels(
    const ck_panels *panels, const void *rows, int64_t row_bytes, int32_t first_panel, int32_t panel_end) {
    for (int64_t p = first_panel; p < panel_end; p++) {
        uint8_t *panel = panels->bytes + p * panels->panel_bytes;
        const int64_t left = panels->outputs - p * ck_panel_width;
        const int64_t shape[2] = {left < ck_panel_width ? left : ck_panel_width, panels->inputs};
        memset(panel, 0, (size_t)panels->panel_bytes);
        const uint8_t *from = (const uint8_t *)rows + p * ck_panel_width * row_bytes;
        pack_panel(panels->type, panel, from, row_bytes, shape);
    }
}

/// Puts back together what `store_codes` and `store_scales` took apart.
static void load_group(
    const ck_panels *panels, const uint8_t *panel, int64_t g, int64_t output, ck_stored_group *out) {
    const ck_traits traits = ck_traits_of(panels->type);
    const ck_panel_layout layout = ck_layout_of(traits, panels->inputs / ck_group_size);
    for (int i = 0; i < 32; i++)
        out->codes[i] = ck_code_at(traits, panel + g * layout.code_bytes, i / 4, (int)(output * 4 + i % 4));
    const uint8_t *scales = panel + layout.scales + g * layout.scale_bytes;
    const uint8_t *mins = panel + layout.mins + g * layout.min_bytes;
    if (traits.scale != scale_block8) {
        out->scale = ck_load_u16(scales + 2 * output);
        if (traits.has_min) out->min = ck_load_u16(mins + 2 * output);
        return;
    }
    for (int h = 0; h < (traits.has_half_groups ? 2 : 1); h++) {
        out->steps[h] = scales[16 * h + output];
        if (traits.has_min) out->min_steps[h] = mins[16 * h + output];
    }
    const uint8_t *block = panel + layout.blocks + g / 8 * (traits.has_min ? 64 : 32);
    out->scale = ck_load_u16(block + 2 * output);
    if (traits.has_min) out->min = ck_load_u16(block + 32 + 2 * output);
}

void ck_unpack_output(const ck_panels *panels, int32_t output, float *out) {
    const uint8_t *panel = panels->bytes + output / ck_panel_width * panels->panel_bytes;
    const int64_t inside = output % ck_panel_width;
    if (ck_form_of(panels->type, panels->inputs) == ck_activation_form_float32) {
        for (int64_t k = 0; k < panels->inputs; k++) memcpy(out + k, panel + (k * ck_panel_width + inside) * 4, 4);
        return;
    }
    if (is_half(panels->type)) return unpack_wide(panels, panel, inside, out);
    ck_stored_group group = {0};
    for (int64_t g = 0; g < panels->inputs / ck_group_size; g++) {
        load_group(panels, panel, g, inside, &group);
        ck_group_values(panels->type, &group, out + 32 * g);
    }
}
