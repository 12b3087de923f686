// Root mean square norms: see ck_elementwise.h. Needs lanes.h.

/// Σ x², in four chains of sixteen lanes: the order depends on `width` alone.
CK_INLINE float CK_NAME(sum_of_squares)(const float *x, size_t width) {
    ck_lanes sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    size_t i = 0;
    for (; i + 64 <= width; i += 64) {
#pragma clang loop unroll(full)
        for (size_t chain = 0; chain < 4; chain++) {
            const ck_lanes v = CK_NAME(load)(x + i + 16 * chain);
            sums[chain] = CK_NAME(multiply_add)(v, v, sums[chain]);
        }
    }
    for (; i < width; i += 16) {
        const ck_lanes v = width - i < 16 ? CK_NAME(load_some)(x + i, width - i, 0.0f) : CK_NAME(load)(x + i);
        sums[0] = CK_NAME(multiply_add)(v, v, sums[0]);
    }
    return CK_NAME(sum_of_lanes)((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

CK_INLINE void CK_NAME(norm_row)(const float *x, float *out, const float *gain, float epsilon, size_t width) {
    const float mean = CK_NAME(sum_of_squares)(x, width) / (float)width;
    const float inverse = 1.0f / __builtin_sqrtf(mean + epsilon);
    size_t i = 0;
    for (; i + 16 <= width; i += 16)
        CK_NAME(store)(out + i, CK_NAME(load)(x + i) * inverse * CK_NAME(load)(gain + i));
    for (; i < width; i++) out[i] = x[i] * inverse * gain[i];
}

void CK_NAME(ck_rms_norm)(
    const float *x, ptrdiff_t x_stride, float *out, ptrdiff_t out_stride, const float *gain, float epsilon, size_t rows,
    size_t width) {
    for (size_t row = 0; row < rows; row++)
        CK_NAME(norm_row)
        (x + (ptrdiff_t)row * x_stride, out + (ptrdiff_t)row * out_stride, gain, epsilon, width);
}

void CK_NAME(ck_add_rms_norm)(
    float *x, const float *y, float *out, const float *gain, float epsilon, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *sum = x + row * width;
        for (size_t i = 0; i < width; i++) sum[i] += y[row * width + i];
        CK_NAME(norm_row)(sum, out + row * width, gain, epsilon, width);
    }
}
