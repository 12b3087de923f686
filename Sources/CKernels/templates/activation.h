// Gated activations and elementwise sums: see ck_elementwise.h. Needs lanes.h and rope.h (partial loads).

/// x · σ(y).
CK_INLINE ck_lanes CK_NAME(times_sigmoid)(ck_lanes x, ck_lanes y) { return x / (1.0f + CK_NAME(exponential)(-y)); }

CK_INLINE ck_lanes CK_NAME(silu)(ck_lanes x) { return CK_NAME(times_sigmoid)(x, x); }

CK_INLINE ck_lanes CK_NAME(gelu)(ck_lanes x) {
    // 2 √(2/π) (x + 0.044715 x³)
    const ck_lanes cubic = CK_NAME(multiply_add)(x * x, (ck_lanes)0.044715f, (ck_lanes)1.0f);
    return CK_NAME(times_sigmoid)(x, x * cubic * 1.5957691216057308f);
}

#define CK_DEFINE_GATE(kernel, activation)                                                                         \
    void CK_NAME(kernel)(                                                                                          \
        const float *gate, const float *up, ptrdiff_t stride, float *out, ptrdiff_t out_stride, size_t rows,       \
        size_t width) {                                                                                            \
        for (size_t row = 0; row < rows; row++) {                                                                  \
            const float *g = gate + (ptrdiff_t)row * stride, *u = up + (ptrdiff_t)row * stride;                    \
            float *o = out + (ptrdiff_t)row * out_stride;                                                          \
            size_t i = 0;                                                                                          \
            for (; i + 16 <= width; i += 16)                                                                       \
                CK_NAME(store)(o + i, CK_NAME(activation)(CK_NAME(load)(g + i)) * CK_NAME(load)(u + i));           \
            if (i == width) continue;                                                                              \
            const ck_lanes last = CK_NAME(activation)(CK_NAME(load_some)(g + i, width - i, 0.0f));                 \
            CK_NAME(store_some)(o + i, last *CK_NAME(load_some)(u + i, width - i, 0.0f), width - i);               \
        }                                                                                                          \
    }
CK_DEFINE_GATE(ck_silu_gate, silu)
CK_DEFINE_GATE(ck_gelu_gate, gelu)
#undef CK_DEFINE_GATE

void CK_NAME(ck_add)(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

void CK_NAME(ck_add_bias)(const float *bias, float *y, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) CK_NAME(ck_add)(bias, y + row * width, width);
}

void CK_NAME(ck_scale)(float *x, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

void CK_NAME(ck_softcap)(float *x, float cap, size_t count) {
    const float inverse = 1.0f / cap;
    for (size_t i = 0; i < count; i += 16) {
        const ck_lanes v = CK_NAME(load_up_to)(x + i, count - i);
        CK_NAME(store_up_to)(x + i, CK_NAME(hyperbolic_tangent)(v * inverse) * cap, count - i);
    }
}
