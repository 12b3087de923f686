#include "include/ck_low_rank.h"

#include "dispatch.h"
#include "low_rank_implementations.h"
#include "panel_traits.h"

CK_DECLARE(void, ck_low_rank_shrink, (const ck_low_rank *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t))
CK_DECLARE(
    void, ck_low_rank_expand,
    (const ck_low_rank *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t, int32_t, int32_t))
CK_DECLARE(void, ck_low_rank_quantize, (const float *, ptrdiff_t, float, const ck_activations *, size_t, int32_t))

void ck_low_rank_shrink(
    ck_instruction_set set, const ck_low_rank *change, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    size_t rows) {
    CK_DISPATCH(set, ck_low_rank_shrink, (change, x, x_stride, t, t_stride, rows))
}

void ck_low_rank_expand(
    ck_instruction_set set, const ck_low_rank *change, const float *t, ptrdiff_t t_stride, float *y, ptrdiff_t y_stride,
    size_t rows, int32_t first_panel, int32_t panel_end) {
    CK_DISPATCH(set, ck_low_rank_expand, (change, t, t_stride, y, y_stride, rows, first_panel, panel_end))
}

/// Quantises t, `[rows, 16 · group_count]`: scale · t ≈ the group's scale · q. A group that is not finite gets a scale that makes
/// products not finite.
static void quantize(
    ck_instruction_set set, const float *t, ptrdiff_t t_stride, float scale, const ck_activations *out, size_t rows,
    int32_t group_count) {
    CK_DISPATCH(set, ck_low_rank_quantize, (t, t_stride, scale, out, rows, group_count))
}

// ---- Packing

int64_t ck_low_rank_a_bytes(int32_t rank, int32_t inputs) {
    if (inputs % ck_group_size != 0) return 0;
    return ck_rank_groups(rank) * ck_layout_of(ck_traits_of(ck_type_factor_a), inputs / ck_group_size).end;
}

int64_t ck_low_rank_b_bytes(int32_t rank, int32_t outputs) {
    return (int64_t)((outputs + 15) / 16) * ck_rank_groups(rank) * ck_factor_b_bytes;
}

/// The bits of the bf16 that is `x` or the next above; x is finite and not negative.
CK_INLINE uint16_t bfloat_above(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return (uint16_t)((bits + 0xffff) >> 16);
}

typedef float floats __attribute__((ext_vector_type(16)));
typedef int32_t integers __attribute__((ext_vector_type(16)));
typedef uint8_t bytes __attribute__((ext_vector_type(16)));

/// Codes, raised by `ck_factor_zero`, and the scale of the `16 · count` values of one group; each four codes are 64 bytes after those before.
CK_INLINE void pack_group(const float *values, const int32_t count, uint8_t *codes, uint8_t *scale) {
    floats parts[2];
    memcpy(parts, values, (size_t)count * sizeof *parts);
    // Magnitudes are in the order of their bits.
    integers magnitudes = (integers)parts[0] & 0x7fffffff;
    if (count == 2) {
        const integers others = (integers)parts[1] & 0x7fffffff;
        magnitudes = __builtin_elementwise_max(magnitudes, others);
    }
    const int32_t largest_bits = __builtin_reduce_max(magnitudes);
    float largest;
    memcpy(&largest, &largest_bits, 4);
    // Below 2^-100 the inverse of a scale could overflow, and nothing that small changes a sum.
    const uint16_t bits = largest < 0x1p-100f ? 0 : bfloat_above(largest / ck_factor_most);
    memcpy(scale, &bits, 2);
    const float inverse = bits ? 1 / ck_load_bfloat(&bits) : 0;
    const floats magic = (floats)0x1.8p23f;
    for (int32_t part = 0; part < count; part++) {
        // Adding 1.5 · 2^23 leaves the nearest integer, ties to even, in the low bits of the sum.
        const floats scaled = parts[part] * inverse, shifted = scaled + magic;
        const bytes raised = __builtin_convertvector((integers)shifted - (integers)magic + ck_factor_zero, bytes);
        for (int32_t step = 0; step < 4; step++) memcpy(codes + 256 * part + 64 * step, (const char *)&raised + 4 * step, 4);
    }
}

void ck_low_rank_pack_a(const float *a, int32_t rank, int32_t inputs, void *packed) {
    const int64_t group_count = inputs / ck_group_size;
    const ck_panel_layout layout = ck_layout_of(ck_traits_of(ck_type_factor_a), group_count);
    for (int64_t k = 0; k < rank; k++) {
        uint8_t *panel = (uint8_t *)packed + k / 16 * layout.end;
        for (int64_t g = 0; g < group_count; g++) {
            uint8_t *codes = panel + g * layout.code_bytes + k % 16 * 4;
            uint8_t *scale = panel + layout.scales + g * layout.scale_bytes + k % 16 * 2;
            pack_group(a + k * inputs + g * ck_group_size, 2, codes, scale);
        }
    }
}

void ck_low_rank_pack_b(const float *b, int32_t rank, int32_t outputs, void *packed) {
    const int32_t group_count = ck_rank_groups(rank);
    for (int64_t output = 0; output < outputs; output++) {
        for (int32_t g = 0; g < group_count; g++) {
            uint8_t *group = (uint8_t *)packed + (output / 16 * group_count + g) * ck_factor_b_bytes;
            uint8_t *codes = group + output % 16 * 4, *scale = group + 256 + output % 16 * 2;
            const float *values = b + output * rank + 16 * g;
            float padded[16] = {0};
            if (rank - 16 * g < 16) values = memcpy(padded, values, (size_t)(rank - 16 * g) * sizeof *values);
            pack_group(values, 1, codes, scale);
        }
    }
}

// ---- Updates

void ck_low_rank_update_shrink(
    ck_instruction_set set, const ck_low_rank_update *update, const float *x, int32_t first_row, int32_t row_end) {
    if (!update->has_exact) return;
    for (int32_t i = 0; i < update->segment_count; i++) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = first_row, end = row_end;
        if (segment->change.element == ck_low_rank_i8 || !ck_clip_rows(segment, &first, &end)) continue;
        const ptrdiff_t width = segment->change.inputs;
        float *t = update->t + (ptrdiff_t)first * update->columns + segment->first_column;
        ck_low_rank_shrink(
            set, &segment->change, x + (first - first_row) * width, width, t, update->columns, (size_t)(end - first));
    }
}

/// How many segments from `segment` on are one product: of the same rows, with their A one after the other, as those of query,
/// key and value are.
static int32_t segments_together(const ck_low_rank_segment *segment, int32_t limit, int64_t panel_bytes) {
    int32_t count = 1;
    for (; count < limit; count++) {
        const ck_low_rank_segment *last = segment + count - 1, *next = last + 1;
        const int32_t groups = ck_rank_groups(last->change.rank);
        if (next->change.element != ck_low_rank_i8 || next->first_row != last->first_row) break;
        if (next->row_end != last->row_end || next->change.scale != last->change.scale) break;
        if ((const uint8_t *)next->change.a != (const uint8_t *)last->change.a + groups * panel_bytes) break;
        if (next->first_column != last->first_column + 16 * groups) break;
    }
    return count;
}

void ck_low_rank_update_shrink_bytes(
    ck_instruction_set set, const ck_low_rank_update *update, const ck_activations *x, int32_t first_row,
    int32_t row_end) {
    if (!update->has_bytes) return;
    int32_t together = 0;
    for (int32_t i = 0; i < update->segment_count; i += together) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = first_row, end = row_end;
        together = 1;
        if (segment->change.element != ck_low_rank_i8 || !ck_clip_rows(segment, &first, &end)) continue;
        const int64_t panel_bytes = ck_low_rank_a_bytes(16, segment->change.inputs);
        together = segments_together(segment, update->segment_count - i, panel_bytes);
        const ck_low_rank_segment *last = segment + together - 1;
        const int32_t groups = (last->first_column - segment->first_column) / 16 + ck_rank_groups(last->change.rank);
        const ck_panels panels = {
            .bytes = (uint8_t *)segment->change.a,
            .panel_bytes = panel_bytes,
            .type = ck_type_factor_a,
            .inputs = segment->change.inputs,
            .outputs = 16 * groups,
            .ahead = last->change.ahead + ((const uint8_t *)last->change.a - (const uint8_t *)segment->change.a),
        };
        float *t = update->t + segment->first_column;
        const ck_destination destination = {.values = t, .stride = update->columns};
        ck_matmul_quantized(set, &panels, x, destination, (ck_product_range){first, end, 0, groups});
        const ck_activations out = ck_columns_of(update, segment, first);
        quantize(
            set, t + (ptrdiff_t)first * update->columns, update->columns, segment->change.scale, &out,
            (size_t)(end - first), groups);
    }
}

void ck_low_rank_update_prefetch(const ck_low_rank_update *update, int32_t first_output, ck_product_range range) {
    const int32_t panel_end = range.first_panel + 2 < range.panel_end ? range.first_panel + 2 : range.panel_end;
    for (int32_t i = 0; i < update->segment_count; i++) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = range.first_row, end = range.row_end;
        if (segment->first_output != first_output || segment->change.element != ck_low_rank_i8) continue;
        if (!ck_clip_rows(segment, &first, &end)) continue;
        const int64_t panel_bytes = ck_rank_groups(segment->change.rank) * ck_factor_b_bytes;
        const uint8_t *b = segment->change.b;
        for (int64_t at = range.first_panel * panel_bytes; at < panel_end * panel_bytes; at += 64)
            __builtin_prefetch(b + at, 0, 3);
    }
}

void ck_low_rank_update_expand(
    ck_instruction_set set, const ck_low_rank_update *update, int32_t first_output, float *y, int64_t y_stride,
    ck_product_range range) {
    if (!update->has_exact) return;
    for (int32_t i = 0; i < update->segment_count; i++) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = range.first_row, end = range.row_end;
        if (segment->first_output != first_output || segment->change.element == ck_low_rank_i8) continue;
        if (!ck_clip_rows(segment, &first, &end)) continue;
        const float *t = update->t + (ptrdiff_t)first * update->columns + segment->first_column;
        ck_low_rank_expand(
            set, &segment->change, t, update->columns, y + first * y_stride, y_stride, (size_t)(end - first),
            range.first_panel, range.panel_end);
    }
}
