// Layer norms, unit lengths and means of rows: see ck_encoder.h. Needs rmsnorm.h and rope.h (partial loads).

/// Σ x, in four chains of sixteen lanes: the order depends on `width` alone.
CK_INLINE float CK_NAME(sum_of_row)(const float *x, size_t width) {
    ck_lanes sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    size_t i = 0;
    for (; i + 64 <= width; i += 64) {
#pragma clang loop unroll(full)
        for (size_t chain = 0; chain < 4; chain++) sums[chain] += CK_NAME(load)(x + i + 16 * chain);
    }
    for (; i < width; i += 16) sums[0] += CK_NAME(load_up_to)(x + i, width - i);
    return CK_NAME(sum_of_lanes)((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

void CK_NAME(ck_layer_norm)(const float *x, float *out, const ck_layer_norm_parameters *p, size_t rows) {
    const size_t width = p->width;
    for (size_t row = 0; row < rows; row++) {
        const float *from = x + row * width;
        float *to = out + row * width;
        const float mean = CK_NAME(sum_of_row)(from, width) / (float)width;
        for (size_t i = 0; i < width; i++) to[i] = from[i] - mean;
        // The deviations themselves are squared: the difference of two large sums would lose what is wanted.
        const float variance = CK_NAME(sum_of_squares)(to, width) / (float)width;
        const float inverse = 1.0f / __builtin_sqrtf(variance + p->epsilon);
        size_t i = 0;
        for (; i < width; i += 16) {
            const size_t left = width - i;
            const ck_lanes scaled = CK_NAME(load_up_to)(to + i, left) * inverse;
            const ck_lanes gain = CK_NAME(load_up_to)(p->gain + i, left);
            const ck_lanes bias = CK_NAME(load_up_to)(p->bias + i, left);
            CK_NAME(store_up_to)(to + i, CK_NAME(multiply_add)(scaled, gain, bias), left);
        }
    }
}

void CK_NAME(ck_unit_rows)(float *x, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *values = x + row * width;
        const float length = __builtin_sqrtf(CK_NAME(sum_of_squares)(values, width));
        const float inverse = 1.0f / (length > 1e-12f ? length : 1e-12f);
        for (size_t i = 0; i < width; i++) values[i] *= inverse;
    }
}

void CK_NAME(ck_mean_row)(const float *x, float *out, size_t rows, size_t width) {
    __builtin_memset(out, 0, width * sizeof(float));
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < width; i++) out[i] += x[row * width + i];
    }
    const float inverse = 1.0f / (float)rows;
    for (size_t i = 0; i < width; i++) out[i] *= inverse;
}
