// Changes of low rank as products meet them.
#ifndef CK_LOW_RANK_IMPLEMENTATIONS_H
#define CK_LOW_RANK_IMPLEMENTATIONS_H

#include "include/ck_low_rank.h"

/// Bytes of 16 outputs and 16 ranks of B, and what comes before their 16 scales in bf16: codes `[4 steps, 16 outputs, 4 ranks]`. The
/// first three steps have a byte for a code, whose highest bit is one of the last step's bits 4, 5 and 6. Its low 4 bits follow,
/// those of the last 8 outputs in the high halves of the first 8 outputs' bytes.
enum { ck_factor_b_halves = 192, ck_factor_b_scales = 224, ck_factor_b_bytes = ck_factor_b_scales + 32 };

/// The code of one step; `place` is 4 · output + rank.
static inline int32_t ck_factor_b_code(const uint8_t *codes, int step, int place) {
    if (step < 3) return codes[64 * step + place] & 127;
    int32_t code = codes[ck_factor_b_halves + place % 32] >> (place / 32 * 4) & 15;
    for (int bit = 4; bit < 7; bit++) code |= codes[64 * (bit - 4) + place] >> 7 << bit;
    return code;
}

/// Groups of 16 ranks.
static inline int32_t ck_rank_groups(int32_t rank) { return (int32_t)(((uint32_t)rank + 15) / 16); }

/// Takes in `*first ..< *end` what a segment has of these rows; false for none.
static inline bool ck_clip_rows(const ck_low_rank_segment *segment, int32_t *first, int32_t *end) {
    if (*first < segment->first_row) *first = segment->first_row;
    if (*end > segment->row_end) *end = segment->row_end;
    return *first < *end;
}

/// A x of an update in 8 bits, from `row` on, at the columns of a segment.
static inline ck_activations ck_columns_of(
    const ck_low_rank_update *update, const ck_low_rank_segment *segment, int64_t row) {
    ck_activations t = update->quantized;
    t.values += row * t.value_stride + segment->first_column;
    t.groups += row * t.group_stride + (uint32_t)segment->first_column / 16;
    return t;
}

#endif
