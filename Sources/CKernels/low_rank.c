#include "include/ck_low_rank.h"

#include "dispatch.h"

CK_DECLARE(void, ck_low_rank_shrink, (const ck_low_rank *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t))
CK_DECLARE(
    void, ck_low_rank_expand,
    (const ck_low_rank *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t, int32_t, int32_t))

void ck_low_rank_shrink(
    ck_instruction_set set, const ck_low_rank *change, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    size_t rows) {
    CK_DISPATCH(set, ck_low_rank_shrink, (change, x, x_stride, t, t_stride, rows))
}

void ck_low_rank_expand(
    ck_instruction_set set, const ck_low_rank *change, const float *t, ptrdiff_t t_stride, float *y, ptrdiff_t y_stride,
    size_t rows, int32_t first_panel, int32_t panel_end) {
    CK_DISPATCH(set, ck_low_rank_expand, (change, t, t_stride, y, y_stride, rows, first_panel, panel_end))
}
