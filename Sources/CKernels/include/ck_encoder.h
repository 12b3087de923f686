// What encoders need beside the kernels of decoders: attention without a mask, layer norms, the exact GELU, pooling.
#ifndef CK_ENCODER_H
#define CK_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "ck_instruction_set.h"

/// Some queries of one head of one text, which see all of the text's keys.
///
/// Queries, keys and values are columns of `[tokens, stride]`: the pointers are to the text's first token, already at the
/// head's first column.
typedef struct {
    const float *queries, *keys, *values;
    /// As `queries`, in `[tokens, output_stride]`; must not overlap them.
    float *output;
    ptrdiff_t stride, output_stride;
    /// Tokens of the text, at least 1, and the queries `first_query ..< query_end` to compute.
    int32_t token_count, first_query, query_end;
    int32_t head_width;
    float scale;
} ck_text_tile;

/// Floats of scratch for a text of `token_count` tokens.
size_t ck_text_scratch_count(int32_t token_count, int32_t head_width);

/// out(t) = Σ_j softmax_j(scale · q(t) · K_j) · V_j over all tokens j of the text, without a mask.
///
/// The bits of a token's result depend on its query and on the keys and values of its text, and on nothing else: each score
/// and each sum is one chain in ascending order, whatever queries stand beside it.
/// Source: Vaswani et al., arXiv:1706.03762, eq. 1.
void ck_attend_text(ck_instruction_set set, const ck_text_tile *tile, float *scratch);

/// What a layer norm has learnt.
typedef struct {
    /// `[width]` each.
    const float *gain, *bias;
    size_t width;
    /// Added to the variance.
    float epsilon;
} ck_layer_norm_parameters;

/// out[r] = (x[r] − mean) / √(variance + ε) · gain + bias, the variance over all of the row. x, out: `[rows, width]`; in place
/// allowed.
///
/// Source: Ba, Kiros & Hinton, arXiv:1607.06450, eq. 4.
void ck_layer_norm(
    ck_instruction_set set, const float *x, float *out, const ck_layer_norm_parameters *parameters, size_t rows);

/// x = x · Φ(x), Φ the normal distribution: the GELU without the tanh approximation. Within 3e-7 of |x|.
///
/// Source: Hendrycks & Gimpel, arXiv:1606.08415.
void ck_gelu_exact(ck_instruction_set set, float *x, size_t count);

/// Divides every row of x, `[rows, width]`, by its Euclidean length, or by 1e-12 if it is shorter.
void ck_unit_rows(ck_instruction_set set, float *x, size_t rows, size_t width);

/// out = the mean of the rows of x, `[rows, width]`, rows > 0, added up in ascending order. out must not overlap x.
void ck_mean_row(ck_instruction_set set, const float *x, float *out, size_t rows, size_t width);

#endif
