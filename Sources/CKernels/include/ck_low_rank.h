// Low-rank changes of matrices: y += scale · B (A x), beside a product with the matrix itself.
#ifndef CK_LOW_RANK_H
#define CK_LOW_RANK_H

#include <stddef.h>
#include <stdint.h>

#include "ck_instruction_set.h"

/// How the factors are kept.
enum { ck_low_rank_f32 = 0, ck_low_rank_f16 = 1, ck_low_rank_bf16 = 30 };

/// The change of one matrix `[outputs, inputs]`.
typedef struct {
    /// A, `[rank, inputs]`, each row padded with zeros to a multiple of 16.
    const void *a;
    /// B in panels of 16 outputs, `[outputs / 16 rounded up, rank, 16]`, the last padded with zeros.
    const void *b;
    int32_t element, rank, inputs, outputs;
    float scale;
} ck_low_rank;

/// t(r) = scale · A · x(r).
///
/// x: `[rows, inputs]` with `x_stride` floats from row to row; t: `[rows, rank]` with `t_stride`.
/// Each element is one chain over the inputs, sixteen lanes at a time, whatever stands beside it.
/// Source: Hu et al., *LoRA*, arXiv:2106.09685, eq. 3.
void ck_low_rank_shrink(
    ck_instruction_set set, const ck_low_rank *change, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    size_t rows);

/// y(r) += B · t(r), for the outputs of the panels `first_panel ..< panel_end`.
///
/// t as `ck_low_rank_shrink` leaves it; y: `[rows, outputs]` with `y_stride`, at the change's first output.
/// Each sum is one chain over the rank, added to y at its end.
void ck_low_rank_expand(
    ck_instruction_set set, const ck_low_rank *change, const float *t, ptrdiff_t t_stride, float *y, ptrdiff_t y_stride,
    size_t rows, int32_t first_panel, int32_t panel_end);

#endif
