#include "include/ck_encoder.h"

#include "dispatch.h"

CK_DECLARE(void, ck_attend_text, (const ck_text_tile *, float *))
CK_DECLARE(void, ck_layer_norm, (const float *, float *, const ck_layer_norm_parameters *, size_t))
CK_DECLARE(void, ck_gelu_exact, (float *, size_t))
CK_DECLARE(void, ck_unit_rows, (float *, size_t, size_t))
CK_DECLARE(void, ck_mean_row, (const float *, float *, size_t, size_t))

/// Rows that the widest register tile takes.
enum { most_tile_rows = 8 };

size_t ck_text_scratch_count(int32_t token_count, int32_t head_width) {
    const size_t count = (size_t)token_count, width = (size_t)head_width;
    const size_t keys = (count + 15) / 16 * 16, values = (width + 15) / 16 * 16;
    return width * keys + count * values + most_tile_rows * (width + keys + values);
}

void ck_attend_text(ck_instruction_set set, const ck_text_tile *tile, float *scratch) {
    CK_DISPATCH(set, ck_attend_text, (tile, scratch))
}

void ck_layer_norm(
    ck_instruction_set set, const float *x, float *out, const ck_layer_norm_parameters *parameters, size_t rows) {
    CK_DISPATCH(set, ck_layer_norm, (x, out, parameters, rows))
}

void ck_gelu_exact(ck_instruction_set set, float *x, size_t count) { CK_DISPATCH(set, ck_gelu_exact, (x, count)) }

void ck_unit_rows(ck_instruction_set set, float *x, size_t rows, size_t width) {
    CK_DISPATCH(set, ck_unit_rows, (x, rows, width))
}

void ck_mean_row(ck_instruction_set set, const float *x, float *out, size_t rows, size_t width) {
    CK_DISPATCH(set, ck_mean_row, (x, out, rows, width))
}
