// Low-rank changes of matrices: y += scale · B (A x), beside a product with the matrix itself.
// Source: Hu et al., *LoRA*, arXiv:2106.09685, eq. 3; rows of several changes in one product: Chen et al., *Punica*, arXiv:2310.18547.
#ifndef CK_LOW_RANK_H
#define CK_LOW_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ck_instruction_set.h"
#include "ck_matmul.h"
#include "ck_quantize.h"

/// How the factors are kept: in a type that loses no bit, and multiplied in float32; or in codes of 5 or 6 bits with a scale in bf16
/// for 32 inputs of A and 16 ranks of B, and multiplied with activations of 8 bits.
enum { ck_low_rank_f32 = 0, ck_low_rank_f16 = 1, ck_low_rank_bf16 = 30, ck_low_rank_i5 = 1005, ck_low_rank_i6 = 1006 };

/// The change of one matrix `[outputs, inputs]`.
typedef struct {
    /// A, `[rank, inputs]`, each row padded with zeros to a multiple of 16. In codes: panels of 16 ranks, as
    /// `ck_low_rank_pack_a` writes them.
    const void *a;
    /// B in panels of 16 outputs, `[outputs / 16 rounded up, rank, 16]`, the last padded with zeros. In codes: as
    /// `ck_low_rank_pack_b` writes it.
    const void *b;
    int32_t element, rank, inputs, outputs;
    float scale;
    /// Bytes from A to what is asked for while it is multiplied, in codes.
    int64_t ahead;
} ck_low_rank;

/// Bytes of A in codes of `form` (`ck_low_rank_i5`, `ck_low_rank_i6`); 0 when its inputs are not whole groups of 32.
int64_t ck_low_rank_a_bytes(int32_t form, int32_t rank, int32_t inputs);

/// Bytes of B in codes of `form`.
int64_t ck_low_rank_b_bytes(int32_t form, int32_t rank, int32_t outputs);

/// Factors as they come, finite, in f32, f16 or bf16 as `element` says, and aligned to that.
typedef struct {
    const void *values;
    int32_t element;
} ck_factor;

/// Quantises A, `[rank, inputs]`, to codes of `form`: w ≈ scale · q, q from -15 to 15 or from -31 to 31, the scale a group's largest
/// magnitude / 15 or 31 rounded up to bf16. Inputs are whole groups of 32; `packed` is zeros before. The same bits on every set.
///
/// Codes that are so short are multiplied with activations as they are, raised, where instructions saturate at 16 bits (AVX2) or
/// want a sign (NEON).
void ck_low_rank_pack_a(
    ck_instruction_set set, int32_t form, ck_factor a, int32_t rank, int32_t inputs, void *packed);

/// Quantises B, `[outputs, rank]`, in the same way.
void ck_low_rank_pack_b(
    ck_instruction_set set, int32_t form, ck_factor b, int32_t rank, int32_t outputs, void *packed);

/// t(r) = scale · A · x(r), for factors that lose no bit.
///
/// x: `[rows, inputs]` with `x_stride` floats from row to row; t: `[rows, rank]` with `t_stride`.
/// Each element is one chain over the inputs, sixteen lanes at a time, whatever stands beside it.
void ck_low_rank_shrink(
    ck_instruction_set set, const ck_low_rank *change, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    size_t rows);

/// y(r) += B · t(r), for the outputs of the panels `first_panel ..< panel_end`, for factors that lose no bit.
///
/// t as `ck_low_rank_shrink` leaves it; y: `[rows, outputs]` with `y_stride`, at the change's first output.
/// Each sum is one chain over the rank, added to y at its end.
void ck_low_rank_expand(
    ck_instruction_set set, const ck_low_rank *change, const float *t, ptrdiff_t t_stride, float *y, ptrdiff_t y_stride,
    size_t rows, int32_t first_panel, int32_t panel_end);

/// A change of neighbouring rows of a product.
typedef struct {
    int32_t first_row, row_end;
    /// First output of the product that is changed.
    int32_t first_output;
    /// Where A x of these rows begins in a row of t, a multiple of 16; it has the rank rounded up to whole groups of 16.
    int32_t first_column;
    /// Segments from here to the next that changes the same outputs of the same rows; 0 for none. Only with codes.
    int32_t next;
    /// Whether another one leads to it.
    bool is_next;
    /// What is asked for while B is multiplied: as many bytes a panel, from `following` on; 0 for nothing.
    int32_t following_step;
    const void *following;
    ck_low_rank change;
} ck_low_rank_segment;

/// All changes of one product.
typedef struct ck_low_rank_update {
    /// In the order of their first rows; those of the same rows beside each other.
    const ck_low_rank_segment *segments;
    int32_t segment_count;
    /// Whether some factors are codes, and whether some lose no bit.
    bool has_codes, has_exact;
    /// A x, `[rows, columns]`.
    float *t;
    int32_t columns;
    /// The same in 8 bits, in groups of 16; only the groups' scale counts, and `negative_low_sum`, which is -zero Σ q: what codes of B are
    /// raised by.
    ck_activations quantized;
} ck_low_rank_update;

/// Asks for segments that the next update is made of: there are so many in a step that they come from memory.
static inline void ck_low_rank_expect(const ck_low_rank_segment *segments, int64_t count) {
    for (const char *line = (const char *)segments; line < (const char *)(segments + count); line += 64)
        __builtin_prefetch(line);
}

/// A x of the rows `first_row ..< row_end` for factors that lose no bit; x: `[rows, inputs]`, the first of these rows first.
void ck_low_rank_update_shrink(
    ck_instruction_set set, const ck_low_rank_update *update, const float *x, int32_t first_row, int32_t row_end);

/// A x of the rows `first_row ..< row_end` for factors in codes; x: row 0 first, groups of 32.
///
/// Integer sums per group, float32 between groups, quantised to 8 bits at the end: the bits of a row depend on that row alone.
void ck_low_rank_update_shrink_codes(
    ck_instruction_set set, const ck_low_rank_update *update, const ck_activations *x, int32_t first_row, int32_t row_end);

/// Asks for the codes of B that the first panels of a range will meet; a product asks for those of the next itself.
void ck_low_rank_update_prefetch(const ck_low_rank_update *update, int32_t first_output, ck_product_range range);

/// y += B t, for factors that lose no bit and for a range of the part of a product that begins at `first_output`; y:
/// `[rows, stride]`, at that output of row 0. Those in codes are added by the product (`ck_destination`).
void ck_low_rank_update_expand(
    ck_instruction_set set, const ck_low_rank_update *update, int32_t first_output, float *y, int64_t y_stride,
    ck_product_range range);

#endif
