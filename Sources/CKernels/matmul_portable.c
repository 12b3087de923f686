// Products in plain C: the reference for the other instruction sets, and what a machine without them runs.
#include "matmul_driver.h"
#include "matmul_implementations.h"

#pragma STDC FP_CONTRACT OFF

/// Scale (or min) of one group, half and output.
CK_INLINE float scale_at(ck_traits traits, const uint8_t *steps, const uint8_t *halves, int output) {
    if (traits.scale == scale_bf16) return ck_load_bfloat(steps + 2 * output);
    if (traits.scale == scale_f16) return ck_load_half(steps + 2 * output);
    const float step = traits.has_signed_scales ? (float)(int8_t)steps[output] : (float)steps[output];
    return ck_load_half(halves + 2 * output) * step;
}

/// Codes of a group as bytes, `[8 steps, 16 outputs, 4 inputs]`.
CK_INLINE void decode_codes(int32_t type, const uint8_t *codes, uint8_t out[512]) {
    const ck_traits traits = ck_traits_of(type);
    const uint8_t *table = ck_code_table(type);
    for (int step = 0; step < 8; step++) {
        for (int i = 0; i < 64; i++) {
            const uint8_t code = ck_code_at(traits, codes, step, i);
            out[64 * step + i] = traits.has_table ? table[code] : code;
        }
    }
}

CK_INLINE void dot_wide(const uint8_t *codes, const int16_t *x, int32_t sums[16]) {
    for (int i = 0; i < 512; i++) {
        int16_t code;
        memcpy(&code, codes + 2 * i, 2);
        sums[i / 2 % 16] += code * x[i / 32 * 2 + i % 2];
    }
}

CK_INLINE void dot_steps(const uint8_t codes[512], const int8_t *x, int first, int end, int32_t sums[16]) {
    for (int s = first; s < end; s++)
        for (int output = 0; output < 16; output++)
            for (int i = 0; i < 4; i++) sums[output] += codes[64 * s + 4 * output + i] * x[4 * s + i];
}

/// values += B t of a low-rank change for the tile's row and panel: one chain over the groups, which goes on from the value.
static void add_change(const ck_tile *tile, const ck_low_rank_segment *segment, float values[16]) {
    const int64_t group_count = ck_rank_groups(segment->change.rank);
    const ck_activations t = ck_columns_of(tile->update, segment, tile->first_row);
    const int bits = ck_traits_of(ck_factor_type(segment->change.element)).bits;
    const uint8_t *b = (const uint8_t *)segment->change.b + tile->first_panel * group_count * ck_factor_b_bytes(bits);
    for (int o = 0; o < 16; o++) {
        for (int64_t g = 0; g < group_count; g++) {
            const uint8_t *codes = b + g * ck_factor_b_bytes(bits);
            int32_t sum = t.groups[g].negative_low_sum;
            for (int k = 0; k < 16; k++)
                sum += ck_factor_b_code(bits, codes, k / 4, 4 * o + k % 4) * t.values[16 * g + k];
            values[o] += (float)sum * ck_load_bfloat(codes + ck_factor_b_scales(bits) + 2 * o) * t.groups[g].scale;
        }
    }
}

/// y = total (+ bias) (+ y) (+ the row's changes), in this order.
static void store_total(const ck_tile *tile, const float total[16]) {
    float values[16];
    for (int o = 0; o < 16; o++) {
        values[o] = total[o];
        if (tile->bias) values[o] += tile->bias[o];
        if (tile->accumulates) values[o] += tile->y[o];
    }
    if (tile->changes)
        for (const ck_low_rank_segment *segment = tile->changes->segment; segment;
             segment = segment->next ? segment + segment->next : 0)
            add_change(tile, segment, values);
    memcpy(tile->y, values, sizeof values);
}

static void add_group(int32_t type, ck_panel_layout layout, const ck_tile *tile, int64_t g, float total[16]) {
    const uint8_t *panel = tile->panel;
    const ck_traits traits = ck_traits_of(type);
    const int parts = traits.has_half_groups ? 2 : 1;
    const ck_activation_group group = tile->groups[g];
    const uint8_t *scales = panel + layout.scales + g * layout.scale_bytes;
    const uint8_t *mins = panel + layout.mins + g * layout.min_bytes;
    const uint8_t *block = panel + layout.blocks + g / 8 * (traits.has_min ? 64 : 32);
    const bool is_wide = traits.bits == 16;
    uint8_t codes[512];
    float scaled[16] = {0};
    if (!is_wide) decode_codes(type, panel + g * layout.code_bytes, codes);
    for (int h = 0; h < parts; h++) {
        int32_t start = group.negative_sum;
        if (parts == 2) start = h == 0 ? group.negative_low_sum : group.negative_sum - group.negative_low_sum;
        int32_t sums[16];
        for (int o = 0; o < 16; o++) sums[o] = traits.zero * start;
        if (is_wide) dot_wide(panel + g * layout.code_bytes, (const int16_t *)(const void *)tile->x + g * 32, sums);
        else dot_steps(codes, tile->x + g * 32, h * 4, parts == 2 ? h * 4 + 4 : 8, sums);
        for (int o = 0; o < 16; o++) scaled[o] += (float)sums[o] * scale_at(traits, scales + 16 * h, block, o);
    }
    for (int o = 0; o < 16; o++) total[o] += scaled[o] * group.scale;
    for (int h = 0; h < parts && traits.has_min; h++) {
        const int32_t part = h == 0 ? group.negative_low_sum : group.negative_sum - group.negative_low_sum;
        const float sum = parts == 2 ? -group.scale * (float)part : group.scaled_sum;
        for (int o = 0; o < 16; o++) total[o] += scale_at(traits, mins + 16 * h, block + 32, o) * sum;
    }
}

CK_INLINE void multiply_row(int32_t type, const ck_tile *tile) {
    const ck_panel_layout layout = ck_layout_of(ck_traits_of(type), tile->group_count);
    float total[16] = {0};
    for (int64_t g = 0; g < tile->group_count; g++) add_group(type, layout, tile, g, total);
    store_total(tile, total);
}

#define CK_ROW_FUNCTION(type)                                                                                         \
    static void row_##type(const ck_tile *tile) { multiply_row(ck_type_##type, tile); }                               \
    static const ck_tile_function functions_##type[] = {row_##type};

CK_ROW_FUNCTION(q4_0)
CK_ROW_FUNCTION(q4_1)
CK_ROW_FUNCTION(q5_0)
CK_ROW_FUNCTION(q5_1)
CK_ROW_FUNCTION(q8_0)
CK_ROW_FUNCTION(q2_k)
CK_ROW_FUNCTION(q3_k)
CK_ROW_FUNCTION(q4_k)
CK_ROW_FUNCTION(q5_k)
CK_ROW_FUNCTION(q6_k)
CK_ROW_FUNCTION(iq4_nl)
CK_ROW_FUNCTION(mxfp4)
CK_ROW_FUNCTION(wide)
CK_ROW_FUNCTION(factor_5)
CK_ROW_FUNCTION(factor_6)

static const ck_tile_function *row_functions(int32_t type) {
    switch (type) {
    case ck_type_q4_0: return functions_q4_0;
    case ck_type_q4_1: return functions_q4_1;
    case ck_type_q5_0: return functions_q5_0;
    case ck_type_q5_1: return functions_q5_1;
    case ck_type_q8_0: return functions_q8_0;
    case ck_type_q2_k: return functions_q2_k;
    case ck_type_q3_k: return functions_q3_k;
    case ck_type_q4_k: return functions_q4_k;
    case ck_type_q5_k: return functions_q5_k;
    case ck_type_q6_k: return functions_q6_k;
    case ck_type_iq4_nl: return functions_iq4_nl;
    case ck_type_mxfp4: return functions_mxfp4;
    case ck_type_wide: return functions_wide;
    case ck_type_factor_5: return functions_factor_5;
    case ck_type_factor_6: return functions_factor_6;
    default: return 0;
    }
}

void ck_matmul_quantized_portable(
    const ck_panels *panels, const ck_activations *x, ck_destination y, ck_product_range range) {
    const ck_tile_set set = {.single = row_functions(ck_panel_type(panels->type)), .most_rows = 1};
    if (set.single == 0) return;
    const ck_tile tile = {
        .panel_bytes = panels->panel_bytes,
        .group_count = panels->inputs / ck_group_size,
        .x = x->values,
        .x_stride = x->value_stride,
        .groups = x->groups,
        .group_stride = x->group_stride,
    };
    ck_walk_tiles(&set, panels, tile, y, range);
}

static void multiply_float_row(const ck_tile *tile) {
    float total[16] = {0};
    for (int64_t first = 0; first < tile->group_count; first += 128) {
        const int64_t end = first + 128 < tile->group_count ? first + 128 : tile->group_count;
        float run[16] = {0};
        for (int64_t k = first; k < end; k++) {
            for (int o = 0; o < 16; o++) {
                float weight;
                memcpy(&weight, tile->panel + 4 * (16 * k + o), 4);
                run[o] += weight * tile->x_floats[k];
            }
        }
        for (int o = 0; o < 16; o++) total[o] += run[o];
    }
    store_total(tile, total);
}

void ck_matmul_float_portable(const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range) {
    static const ck_tile_function functions[] = {multiply_float_row};
    const ck_tile_set set = {.single = functions, .most_rows = 1};
    const ck_tile tile = {
        .panel_bytes = panels->panel_bytes,
        .group_count = panels->inputs,
        .x_floats = x.values,
        .x_stride = x.stride,
    };
    ck_walk_tiles(&set, panels, tile, y, range);
}
