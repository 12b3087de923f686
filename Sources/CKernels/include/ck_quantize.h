#ifndef CK_QUANTIZE_H
#define CK_QUANTIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "ck_instruction_set.h"

/// Element types; the values are the type ids of the GGUF format.
enum {
    ck_type_f32 = 0,
    ck_type_f16 = 1,
    ck_type_q4_0 = 2,
    ck_type_q4_1 = 3,
    ck_type_q5_0 = 6,
    ck_type_q5_1 = 7,
    ck_type_q8_0 = 8,
    ck_type_q2_k = 10,
    ck_type_q3_k = 11,
    ck_type_q4_k = 12,
    ck_type_q5_k = 13,
    ck_type_q6_k = 14,
    ck_type_iq4_nl = 20,
    ck_type_bf16 = 30,
    ck_type_mxfp4 = 39,
};

/// Elements that share one activation scale.
enum { ck_group_size = 32 };

/// What activations have to be for a product.
typedef enum {
    /// As they are.
    ck_activation_form_float32,
    /// int8, -127…127.
    ck_activation_form_int8,
    /// int16, -2047…2047: as many bits as leave room for the sum of 32 products with int16 weights in an int32.
    ck_activation_form_int12,
    /// int8, -120…120, for products that some machines compute with paired steps: a code of 4 bits, less 8, can be added and the
    /// sum still fits a byte. Weights that take it take `ck_activation_form_int8` by `ck_form_of`.
    ck_activation_form_short8,
} ck_activation_form;

/// What a row's group of 32 activations needs besides its integers. The sums are zero with `ck_activation_form_int12`,
/// whose weights have neither zero points nor minimums.
typedef struct {
    /// x ≈ scale · q. Zero for a group of zeros.
    float scale;
    /// scale · Σ q, for weights with a minimum.
    float scaled_sum;
    /// -Σ q over the group, for weights with a zero point.
    int32_t negative_sum;
    /// -Σ q over the first 16.
    int32_t negative_low_sum;
} ck_activation_group;

/// The same for products that pair their steps (`ck_pairs_steps`). Their sums start at what a pair multiplies besides the products
/// that are wanted, as far as the activations alone decide it.
typedef struct {
    /// Those of `ck_activation_group`, so that one cache line has all that is needed.
    float scale, scaled_sum;
    /// Start of a sum for weights whose zero point is 8.
    int32_t centered_start;
    /// The same for weights with a minimum.
    int32_t raw_start;
} ck_pair_group;

/// Activations quantised to int8, or to 12 bits in an int16, `[rows, inputs]` with one `ck_activation_group` per row and
/// 32 inputs.
typedef struct {
    /// `[rows, value_stride]` bytes, aligned to 64.
    int8_t *values;
    /// Bytes from row to row; at least those of the inputs, and a multiple of 64.
    int64_t value_stride;
    /// `[rows, group_stride]`.
    ck_activation_group *groups;
    /// Groups from row to row; at least inputs / 32.
    int64_t group_stride;
    /// `[rows, group_stride]`, or NULL where products are not to pair their steps.
    ck_pair_group *pair_groups;
} ck_activations;

/// Quantises rows of float32: scale = max|x| / 127 (or 120, or 2047) per group, round half to even.
///
/// Every row is treated alone. The scale is rounded the same on all instruction sets and so are the values. A group
/// that holds an infinity or a NaN gets unspecified values in range and a scale that makes the product non-finite.
///
/// - x: `[row_count, inputs]`, `x_stride` floats from row to row; inputs is a multiple of 32
/// - out: the row `x` points at is written to row 0 of `out`
/// - form: not float32; of short8, `out.pair_groups` are written too, unless NULL
void ck_quantize_rows(
    ck_instruction_set set, const float *x, int64_t x_stride, ck_activations out, const int32_t shape[2],
    ck_activation_form form);

/// Writes `count` elements of a stored tensor as float32. `count` is a multiple of the type's block.
///
/// Bit for bit what the reference decoder (`gguf.quants.dequantize`) gives, finite values assumed.
/// Returns false, and writes nothing, for a type that is not a floating-point or block type above.
bool ck_dequantize(int32_t type, const void *blocks, int64_t count, float *out);

#endif
