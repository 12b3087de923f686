// The exact GELU: see ck_encoder.h. Needs lanes.h and rope.h (partial loads).

/// e^(z²) · erfc(z) for 0 <= z <= 9.3 as t · P(t), t = 1 / (1 + 0.4 z); least relative error, 7e-9 before rounding.
CK_INLINE ck_lanes CK_NAME(scaled_erfc)(ck_lanes z) {
    const ck_lanes t = 1.0f / CK_NAME(multiply_add)(z, (ck_lanes)0.4f, (ck_lanes)1.0f);
    ck_lanes p = (ck_lanes)-3.1008771265e-2f;
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)2.0574155838e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)-5.1710875928e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)5.7202439736e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)-3.0499568143e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)2.8324837085e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)1.2577079570e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)2.1576727876e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)2.2484849857e-1f);
    p = CK_NAME(multiply_add)(p, t, (ck_lanes)2.2571231899e-1f);
    return p * t;
}

/// x · Φ(x) = max(x, 0) − ½ |x| erfc(|x| / √2): no cancellation on either side.
CK_INLINE ck_lanes CK_NAME(gelu_exact)(ck_lanes x) {
    const ck_lanes magnitude = CK_NAME(floats)(CK_NAME(bits)(x) & 0x7fffffff);
    // From 13 on the second term is 0 in float32; infinity must not meet it.
    const ck_lanes bounded = CK_NAME(select)(magnitude > 13.0f, (ck_lanes)13.0f, magnitude);
    const ck_lanes decay = CK_NAME(exponential)(bounded * bounded * -0.5f);
    const ck_lanes tail = CK_NAME(scaled_erfc)(bounded * 0.70710678118654752f) * decay;
    const ck_lanes positive = CK_NAME(select)(x > 0.0f, x, (ck_lanes)0.0f);
    return positive - bounded * 0.5f * tail;
}

void CK_NAME(ck_gelu_exact)(float *x, size_t count) {
    for (size_t i = 0; i < count; i += 16) {
        const ck_lanes v = CK_NAME(load_up_to)(x + i, count - i);
        CK_NAME(store_up_to)(x + i, CK_NAME(gelu_exact)(v), count - i);
    }
}
