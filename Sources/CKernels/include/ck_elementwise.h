#ifndef CK_ELEMENTWISE_H
#define CK_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

#include "ck_instruction_set.h"

/// Norms, rotations, activations and reductions over rows of float32.
///
/// Strides are in floats, from a row to the next. Unless said, an output may be exactly an input (in place) but not
/// overlap it otherwise; any alignment will do. The exponential is good to about 2e-7 relative; below 2^-125 it is 0.

/// out[r] = x[r] / √(mean(x[r]²) + ε) · gain. x: `[rows, x_stride]`, gain: `[width]`. In place allowed.
///
/// Source: Zhang & Sennrich, arXiv:1910.07467, eq. 4.
void ck_rms_norm(
    ck_instruction_set set, const float *x, ptrdiff_t x_stride, float *out, ptrdiff_t out_stride, const float *gain,
    float epsilon, size_t rows, size_t width);

/// x += y, then out = the norm of x as above. All `[rows, width]`; out may be y.
void ck_add_rms_norm(
    ck_instruction_set set, float *x, const float *y, float *out, const float *gain, float epsilon, size_t rows,
    size_t width);

/// Which two elements of a head form a pair that is rotated.
enum {
    /// 2i and 2i + 1: the original paper, and GGUF files of the Llama family.
    ck_pairing_adjacent = 0,
    /// i and i + half: Hugging Face and GPT-NeoX.
    ck_pairing_halves = 1,
};

/// What a rotation needs besides the rows.
typedef struct {
    /// `[positions, 2 · half]`: cosines, then sines.
    const float *table;
    /// `[rows]`: row of the table for each row.
    const int32_t *positions;
    /// Pairs to rotate; the other elements of a head stay.
    size_t half;
    int32_t pairing;
} ck_rotation;

/// Rotates pairs (a, b) of every head to (a cos − b sin, b cos + a sin), in place.
///
/// x: `[rows, stride]`, of which the first `heads · head_width` floats are the heads.
/// Source: Su et al., arXiv:2104.09864, eq. 34.
void ck_rotate(
    ck_instruction_set set, float *x, ptrdiff_t stride, const ck_rotation *rotation, size_t rows, size_t heads,
    size_t head_width);

/// out = gate · σ(gate) · up. gate, up: `[rows, stride]`; out: `[rows, out_stride]`, may be gate or up.
///
/// Source: Shazeer, arXiv:2002.05202, SwiGLU.
void ck_silu_gate(
    ck_instruction_set set, const float *gate, const float *up, ptrdiff_t stride, float *out, ptrdiff_t out_stride,
    size_t rows, size_t width);

/// out = gelu(gate) · up with gelu(x) = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))). Shapes as above.
///
/// Computed as x · σ(2z), the same function without the cancellation. Source: Hendrycks & Gimpel, arXiv:1606.08415.
void ck_gelu_gate(
    ck_instruction_set set, const float *gate, const float *up, ptrdiff_t stride, float *out, ptrdiff_t out_stride,
    size_t rows, size_t width);

/// y += x, `count` floats.
void ck_add(ck_instruction_set set, const float *x, float *y, size_t count);

/// y[r] += bias. y: `[rows, width]`, bias: `[width]`.
void ck_add_bias(ck_instruction_set set, const float *bias, float *y, size_t rows, size_t width);

/// x *= factor, `count` floats.
void ck_scale(ck_instruction_set set, float *x, float factor, size_t count);

/// x = cap · tanh(x / cap), `count` floats.
void ck_softcap(ck_instruction_set set, float *x, float cap, size_t count);

/// x = exp(x − max x) / Σ exp(x − max x), one row of `count` > 0 floats.
void ck_softmax(ck_instruction_set set, float *x, size_t count);

/// The largest of `count` > 0 floats; what is not a number counts as -infinity.
float ck_maximum(ck_instruction_set set, const float *x, size_t count);

/// Index of the largest, the lowest one of equals; 0 when all are -infinity or not numbers.
size_t ck_argmax(ck_instruction_set set, const float *x, size_t count);

/// log Σ exp(x), computed as max + log Σ exp(x − max); -infinity when all are.
float ck_log_sum_exp(ck_instruction_set set, const float *x, size_t count);

/// out = exp((x − maximum) · factor), and returns Σ out: the weights a sampler draws from, `factor` being one over the
/// temperature. `maximum` must be at least every x.
float ck_exp_weights(
    ck_instruction_set set, const float *x, float *out, float maximum, float factor, size_t count);

/// The largest of every 64 of `count` floats, the last of which may be fewer, to `maxima`; returns whether all are numbers.
/// What is not a number counts as -infinity.
bool ck_block_maxima(ck_instruction_set set, const float *x, size_t count, float *maxima);

/// out = exp((x − maximum) · factor) within 2^-22 of its value and 0 below exp(-87), the same bits on every instruction set: the
/// weights a sampler draws from. `maximum` must be at least every x, and no x may be NaN.
void ck_sampling_weights(
    ck_instruction_set set, const float *x, float *out, float maximum, float factor, size_t count);

#endif
