#ifndef CK_MATMUL_H
#define CK_MATMUL_H

#include <stdbool.h>
#include <stdint.h>

#include "ck_instruction_set.h"
#include "ck_quantize.h"

/// Outputs in a panel.
enum { ck_panel_width = 16 };

/// Weights `[outputs, inputs]` of one element type in panels of 16 outputs; `docs/design/0002-packed-panels.md` has a
/// worked example. Rows of the last panel past `outputs` are zeros.
typedef struct {
    /// `[panels, panel_bytes]`, 64-byte aligned.
    uint8_t *bytes;
    /// `ck_panel_bytes(type, inputs)`.
    int64_t panel_bytes;
    /// The element type the weights had in the checkpoint: it names the panel's layout.
    int32_t type;
    int32_t inputs;
    int32_t outputs;
    /// Bytes from a panel to what is asked for while it is multiplied, where `type` is a factor's; 0 for nothing.
    int64_t ahead;
} ck_panels;

/// The activations that weights of a type are multiplied with. Block types take int8. f16 and bf16 take int12 and are
/// kept as int16 with a power of two per group of 32, or take float32 and are kept as that when `inputs` is not groups.
ck_activation_form ck_form_of(int32_t type, int64_t inputs);

/// Whether products with weights of `type` can pair steps: those with codes of 4 bits and one scale a group.
bool ck_type_pairs_steps(int32_t type);

/// Bytes of one panel, a multiple of 64; 0 when the type cannot be packed or `inputs` is not whole blocks of it.
int64_t ck_panel_bytes(int32_t type, int64_t inputs);

/// Packs the stored rows of panels `first_panel ..< panel_end`.
///
/// - rows: all stored rows, `row_bytes` apart, `[panels->outputs, inputs]`
void ck_pack_panels(
    const ck_panels *panels, const void *rows, int64_t row_bytes, int32_t first_panel, int32_t panel_end);

/// Writes the weights of one output as float32, `[inputs]`: bit for bit `ck_dequantize` of the row that was packed; f16
/// and bf16 in groups are within 2^-15 of the largest magnitude of their 32.
void ck_unpack_output(const ck_panels *panels, int32_t output, float *out);

/// Where a product goes: `y[row, output] = x · w (+ bias[output]) (+ y[row, output]) (+ its row's change)`.
typedef struct {
    /// `[rows, stride]`; column 0 is output 0 of the panels.
    float *values;
    /// Floats from row to row.
    int64_t stride;
    /// `[outputs]` or NULL.
    const float *bias;
    /// Whether the old contents are added.
    bool accumulates;
    /// Whose changes with factors in codes are added, or NULL; only for `ck_matmul_quantized`.
    const struct ck_low_rank_update *update;
    /// Which of the update's outputs `values` begins with.
    int32_t first_output;
} ck_destination;

/// The part of a product that one call computes.
typedef struct {
    int32_t first_row, row_end, first_panel, panel_end;
    /// The panels that the same thread comes to, which are asked for ahead; an end below `panel_end` for no more than the range.
    int32_t share_first, share_end;
    /// Where that thread reads on in the product that comes next: asked for instead of what lies behind `share_end`. NULL where
    /// that is not known.
    const uint8_t *following;
} ck_product_range;

/// y = x Wᵀ for weights that take int8 or int12 activations: integer sums per group of 32, float32 between groups.
///
/// The sum over groups runs in order of the input; its rounding depends on `inputs` only, never on the range.
/// `y` must not overlap anything else.
void ck_matmul_quantized(
    ck_instruction_set set, const ck_panels *panels, const ck_activations *x, ck_destination y,
    ck_product_range range);

/// Float32 activations `[rows, stride]`.
typedef struct {
    const float *values;
    /// Floats from row to row.
    int64_t stride;
} ck_float_rows;

/// y = x Wᵀ for weights that take float32 activations.
///
/// Sums run over runs of 128 inputs in order, then over the runs: rounding depends on `inputs` only.
void ck_matmul_float(
    ck_instruction_set set, const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range);

#endif
