#include "include/ck_low_rank.h"

#include "dispatch.h"
#include "low_rank_implementations.h"
#include "panel_traits.h"

CK_DECLARE(void, ck_low_rank_shrink, (const ck_low_rank *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t))
CK_DECLARE(
    void, ck_low_rank_expand,
    (const ck_low_rank *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t, int32_t, int32_t))
CK_DECLARE(void, ck_low_rank_pack_a, (int32_t, ck_factor, int32_t, int32_t, void *))
CK_DECLARE(void, ck_low_rank_pack_b, (int32_t, ck_factor, int32_t, int32_t, void *))
CK_DECLARE(void, ck_low_rank_quantize, (const float *, ptrdiff_t, const ck_low_rank *, const ck_activations *, size_t, int32_t))

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

/// Quantises t, `[rows, 16 · group_count]`, for B of a change: its scale · t ≈ the group's scale · q. A group that is not finite gets
/// a scale that makes products not finite.
static void quantize(
    ck_instruction_set set, const float *t, ptrdiff_t t_stride, const ck_low_rank *change, const ck_activations *out,
    size_t rows, int32_t group_count) {
    CK_DISPATCH(set, ck_low_rank_quantize, (t, t_stride, change, out, rows, group_count))
}

// ---- Packing

int64_t ck_low_rank_a_bytes(int32_t form, int32_t rank, int32_t inputs) {
    if (inputs % ck_group_size != 0) return 0;
    const ck_traits traits = ck_traits_of(ck_factor_type(form));
    return ck_rank_groups(rank) * ck_layout_of(traits, inputs / ck_group_size).end;
}

int64_t ck_low_rank_b_bytes(int32_t form, int32_t rank, int32_t outputs) {
    const ck_low_rank change = {.element = form, .rank = rank};
    return (int64_t)((outputs + 15) / 16) * ck_factor_b_panel_bytes(&change);
}

void ck_low_rank_pack_a(
    ck_instruction_set set, int32_t form, ck_factor a, int32_t rank, int32_t inputs, void *packed) {
    CK_DISPATCH(set, ck_low_rank_pack_a, (form, a, rank, inputs, packed))
}

void ck_low_rank_pack_b(
    ck_instruction_set set, int32_t form, ck_factor b, int32_t rank, int32_t outputs, void *packed) {
    CK_DISPATCH(set, ck_low_rank_pack_b, (form, b, rank, outputs, packed))
}

// ---- Updates

void ck_low_rank_update_shrink(
    ck_instruction_set set, const ck_low_rank_update *update, const float *x, int32_t first_row, int32_t row_end) {
    if (!update->has_exact) return;
    for (int32_t i = 0; i < update->segment_count; i++) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = first_row, end = row_end;
        if (ck_has_codes(&segment->change) || !ck_clip_rows(segment, &first, &end)) continue;
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
        if (next->change.element != last->change.element || next->first_row != last->first_row) break;
        if (next->row_end != last->row_end || next->change.scale != last->change.scale) break;
        if ((const uint8_t *)next->change.a != (const uint8_t *)last->change.a + groups * panel_bytes) break;
        if (next->first_column != last->first_column + 16 * groups) break;
    }
    return count;
}

void ck_low_rank_update_shrink_codes(
    ck_instruction_set set, const ck_low_rank_update *update, const ck_activations *x, int32_t first_row,
    int32_t row_end) {
    if (!update->has_codes) return;
    int32_t together = 0;
    for (int32_t i = 0; i < update->segment_count; i += together) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = first_row, end = row_end;
        together = 1;
        if (segment->first_row >= row_end) break;
        if (!ck_has_codes(&segment->change) || !ck_clip_rows(segment, &first, &end)) continue;
        const int64_t panel_bytes = ck_low_rank_a_bytes(segment->change.element, 16, segment->change.inputs);
        together = segments_together(segment, update->segment_count - i, panel_bytes);
        const ck_low_rank_segment *last = segment + together - 1;
        const int32_t groups = (last->first_column - segment->first_column) / 16 + ck_rank_groups(last->change.rank);
        const ck_panels panels = {
            .bytes = (uint8_t *)segment->change.a,
            .panel_bytes = panel_bytes,
            .type = ck_factor_type(segment->change.element),
            .inputs = segment->change.inputs,
            .outputs = 16 * groups,
            .ahead = last->change.ahead + ((const uint8_t *)last->change.a - (const uint8_t *)segment->change.a),
        };
        float *t = update->t + segment->first_column;
        const ck_destination destination = {.values = t, .stride = update->columns};
        ck_matmul_quantized(set, &panels, x, destination, (ck_product_range){first, end, 0, groups, 0, groups, NULL});
        const ck_activations out = ck_columns_of(update, segment, first);
        quantize(
            set, t + (ptrdiff_t)first * update->columns, update->columns, &segment->change, &out,
            (size_t)(end - first), groups);
    }
}

void ck_low_rank_update_prefetch(const ck_low_rank_update *update, int32_t first_output, ck_product_range range) {
    // The tiles before a later range of the share have asked.
    if (range.first_panel != range.share_first) return;
    const int32_t panel_end = range.first_panel + 2 < range.panel_end ? range.first_panel + 2 : range.panel_end;
    for (int32_t i = 0; i < update->segment_count; i++) {
        const ck_low_rank_segment *segment = update->segments + i;
        int32_t first = range.first_row, end = range.row_end;
        if (segment->first_output != first_output || !ck_has_codes(&segment->change)) continue;
        if (!ck_clip_rows(segment, &first, &end)) continue;
        const int64_t panel_bytes = ck_factor_b_panel_bytes(&segment->change);
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
        if (segment->first_output != first_output || ck_has_codes(&segment->change)) continue;
        if (!ck_clip_rows(segment, &first, &end)) continue;
        const float *t = update->t + (ptrdiff_t)first * update->columns + segment->first_column;
        ck_low_rank_expand(
            set, &segment->change, t, update->columns, y + first * y_stride, y_stride, (size_t)(end - first),
            range.first_panel, range.panel_end);
    }
}
