// Changes of low rank as products meet them.
#ifndef CK_LOW_RANK_IMPLEMENTATIONS_H
#define CK_LOW_RANK_IMPLEMENTATIONS_H

#include "include/ck_low_rank.h"

/// Bytes of 16 outputs and 16 ranks of B: codes `[4 steps, 16 outputs, 4 ranks]`, then 16 scales in bf16.
enum { ck_factor_b_bytes = 288 };

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
