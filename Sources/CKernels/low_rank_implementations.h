// Changes of low rank as products meet them.
#ifndef CK_LOW_RANK_IMPLEMENTATIONS_H
#define CK_LOW_RANK_IMPLEMENTATIONS_H

#include "include/ck_low_rank.h"
#include "panel_traits.h"

/// Whether factors are kept in codes.
static inline bool ck_has_codes(const ck_low_rank *change) {
    return change->element == ck_low_rank_i5 || change->element == ck_low_rank_i6;
}

/// The type of panels of A whose factors are kept as `element` says, in codes.
CK_INLINE int32_t ck_factor_type(int32_t element) {
    return element == ck_low_rank_i5 ? ck_type_factor_5 : ck_type_factor_6;
}

/// The largest magnitude of a code of factors, all of which are raised by one more.
CK_INLINE int32_t ck_factor_most(ck_traits traits) { return traits.zero - 1; }

// 16 outputs and 16 ranks of B are codes `[4 steps, 16 outputs, 4 ranks]` and 16 scales in bf16. Codes are their low 4 bits, two
// steps to a byte, as in a panel, and what is above them. The high 2 of 6 bits are there as in a panel too, four steps to a byte. A
// fifth bit of four steps takes half a byte: those of the last 8 outputs are in the high halves of the first 8 outputs' bytes.

/// Where what is above the low 4 bits of codes of B begins.
enum { ck_factor_b_high = 128 };
/// Where the scales begin: behind 256 codes.
CK_INLINE int64_t ck_factor_b_scales(int bits) { return 32 * bits; }
/// Bytes of 16 outputs and 16 ranks.
CK_INLINE int64_t ck_factor_b_bytes(int bits) { return ck_factor_b_scales(bits) + 32; }

/// Groups of 16 ranks.
static inline int32_t ck_rank_groups(int32_t rank) { return (int32_t)(((uint32_t)rank + 15) / 16); }

/// The same for a change whose factors have codes: bytes of 16 outputs and all ranks.
static inline int64_t ck_factor_b_panel_bytes(const ck_low_rank *change) {
    return ck_rank_groups(change->rank) * ck_factor_b_bytes(ck_traits_of(ck_factor_type(change->element)).bits);
}

/// The code of one step; `place` is 4 · output + rank.
CK_INLINE int32_t ck_factor_b_code(int bits, const uint8_t *codes, int step, int place) {
    const uint8_t *high = codes + ck_factor_b_high;
    const int32_t low = codes[64 * (step / 2) + place] >> (step % 2 * 4) & 15;
    if (bits == 6) return low | (high[place] >> (2 * step) & 3) << 4;
    return low | (high[place % 32] >> (place / 32 * 4 + step) & 1) << 4;
}

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
