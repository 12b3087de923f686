#include "include/ck_elementwise.h"

#include <math.h>

#include "dispatch.h"

CK_DECLARE(
    void, ck_rms_norm, (const float *, ptrdiff_t, float *, ptrdiff_t, const float *, float, size_t, size_t))
CK_DECLARE(void, ck_add_rms_norm, (float *, const float *, float *, const float *, float, size_t, size_t))
CK_DECLARE(void, ck_rotate, (float *, ptrdiff_t, const ck_rotation *, size_t, size_t, size_t))
CK_DECLARE(
    void, ck_silu_gate, (const float *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t, size_t))
CK_DECLARE(
    void, ck_gelu_gate, (const float *, const float *, ptrdiff_t, float *, ptrdiff_t, size_t, size_t))
CK_DECLARE(void, ck_add, (const float *, float *, size_t))
CK_DECLARE(void, ck_add_bias, (const float *, float *, size_t, size_t))
CK_DECLARE(void, ck_scale, (float *, float, size_t))
CK_DECLARE(void, ck_softcap, (float *, float, size_t))
CK_DECLARE(void, ck_softmax, (float *, size_t))
CK_DECLARE(float, ck_maximum, (const float *, size_t))
CK_DECLARE(size_t, ck_argmax, (const float *, size_t))
CK_DECLARE(float, ck_exp_sum, (const float *, float, size_t))
CK_DECLARE(float, ck_exp_weights, (const float *, float *, float, float, size_t))
CK_DECLARE(bool, ck_block_maxima, (const float *, size_t, float *))
CK_DECLARE(void, ck_sampling_weights, (const float *, float *, float, float, size_t))

void ck_rms_norm(
    ck_instruction_set set, const float *x, ptrdiff_t x_stride, float *out, ptrdiff_t out_stride, const float *gain,
    float epsilon, size_t rows, size_t width) {
    CK_DISPATCH(set, ck_rms_norm, (x, x_stride, out, out_stride, gain, epsilon, rows, width))
}

void ck_add_rms_norm(
    ck_instruction_set set, float *x, const float *y, float *out, const float *gain, float epsilon, size_t rows,
    size_t width) {
    CK_DISPATCH(set, ck_add_rms_norm, (x, y, out, gain, epsilon, rows, width))
}

void ck_rotate(
    ck_instruction_set set, float *x, ptrdiff_t stride, const ck_rotation *rotation, size_t rows, size_t heads,
    size_t head_width) {
    CK_DISPATCH(set, ck_rotate, (x, stride, rotation, rows, heads, head_width))
}

void ck_silu_gate(
    ck_instruction_set set, const float *gate, const float *up, ptrdiff_t stride, float *out, ptrdiff_t out_stride,
    size_t rows, size_t width) {
    CK_DISPATCH(set, ck_silu_gate, (gate, up, stride, out, out_stride, rows, width))
}

void ck_gelu_gate(
    ck_instruction_set set, const float *gate, const float *up, ptrdiff_t stride, float *out, ptrdiff_t out_stride,
    size_t rows, size_t width) {
    CK_DISPATCH(set, ck_gelu_gate, (gate, up, stride, out, out_stride, rows, width))
}

void ck_add(ck_instruction_set set, const float *x, float *y, size_t count) { CK_DISPATCH(set, ck_add, (x, y, count)) }

void ck_add_bias(ck_instruction_set set, const float *bias, float *y, size_t rows, size_t width) {
    CK_DISPATCH(set, ck_add_bias, (bias, y, rows, width))
}

void ck_scale(ck_instruction_set set, float *x, float factor, size_t count) {
    CK_DISPATCH(set, ck_scale, (x, factor, count))
}

void ck_softcap(ck_instruction_set set, float *x, float cap, size_t count) {
    CK_DISPATCH(set, ck_softcap, (x, cap, count))
}

void ck_softmax(ck_instruction_set set, float *x, size_t count) { CK_DISPATCH(set, ck_softmax, (x, count)) }

float ck_maximum(ck_instruction_set set, const float *x, size_t count) { CK_DISPATCH(set, ck_maximum, (x, count)) }

size_t ck_argmax(ck_instruction_set set, const float *x, size_t count) { CK_DISPATCH(set, ck_argmax, (x, count)) }

static float exp_sum(ck_instruction_set set, const float *x, float maximum, size_t count) {
    CK_DISPATCH(set, ck_exp_sum, (x, maximum, count))
}

float ck_log_sum_exp(ck_instruction_set set, const float *x, size_t count) {
    const float maximum = ck_maximum(set, x, count);
    if (!isfinite(maximum)) return maximum;
    return maximum + logf(exp_sum(set, x, maximum, count));
}

float ck_exp_weights(
    ck_instruction_set set, const float *x, float *out, float maximum, float factor, size_t count) {
    CK_DISPATCH(set, ck_exp_weights, (x, out, maximum, factor, count))
}

bool ck_block_maxima(ck_instruction_set set, const float *x, size_t count, float *maxima) {
    CK_DISPATCH(set, ck_block_maxima, (x, count, maxima))
}

void ck_sampling_weights(
    ck_instruction_set set, const float *x, float *out, float maximum, float factor, size_t count) {
    CK_DISPATCH(set, ck_sampling_weights, (x, out, maximum, factor, count))
}
