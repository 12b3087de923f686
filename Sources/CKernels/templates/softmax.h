// Reductions over a row of logits: see ck_elementwise.h. Needs lanes.h.

float CK_NAME(ck_maximum)(const float *x, size_t count) {
    ck_lanes best[4];
    for (int chain = 0; chain < 4; chain++) best[chain] = (ck_lanes)-__builtin_inff();
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
#pragma clang loop unroll(full)
        for (size_t chain = 0; chain < 4; chain++)
            best[chain] = CK_NAME(larger)(CK_NAME(load)(x + i + 16 * chain), best[chain]);
    }
    for (; i + 16 <= count; i += 16) best[0] = CK_NAME(larger)(CK_NAME(load)(x + i), best[0]);
    if (i < count) best[0] = CK_NAME(larger)(CK_NAME(load_some)(x + i, count - i, -__builtin_inff()), best[0]);
    best[0] = CK_NAME(larger)(best[1], best[0]);
    best[2] = CK_NAME(larger)(best[3], best[2]);
    return CK_NAME(largest_lane)(CK_NAME(larger)(best[2], best[0]));
}

size_t CK_NAME(ck_argmax)(const float *x, size_t count) {
    const float best = CK_NAME(ck_maximum)(x, count);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const ck_int_lanes equal = CK_NAME(load)(x + i) == best;
        if (__builtin_reduce_or(equal)) break;
    }
    for (; i < count; i++)
        if (x[i] == best && best > -__builtin_inff()) return i;
    return 0;
}

bool CK_NAME(ck_block_maxima)(const float *x, size_t count, float *maxima) {
    ck_int_lanes unordered = (ck_int_lanes)0;
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
        ck_lanes best = (ck_lanes)-__builtin_inff();
#pragma clang loop unroll(full)
        for (size_t part = 0; part < 4; part++) {
            const ck_lanes v = CK_NAME(load)(x + i + 16 * part);
            unordered |= v != v;
            best = CK_NAME(larger)(v, best);
        }
        *maxima++ = CK_NAME(largest_lane)(best);
    }
    bool is_number = !__builtin_reduce_or(unordered);
    if (i == count) return is_number;
    float best = -__builtin_inff();
    for (; i < count; i++) {
        is_number = is_number && x[i] == x[i];
        best = x[i] > best ? x[i] : best;
    }
    *maxima = best;
    return is_number;
}

/// e^x for x up to 0; 0 below -87. x = n · ln 2 + r with |r| ≤ ln 2 / 2: e^r by its series to r⁷, 2ⁿ by the exponent's bits.
/// Every operation is rounded by itself, so that all sets give the same bits.
CK_INLINE ck_lanes CK_NAME(sampling_weight)(ck_lanes x) {
#pragma clang fp contract(off)
    const ck_int_lanes is_low = x < -87.0f;
    const ck_lanes bounded = CK_NAME(select)(is_low, (ck_lanes)-87.0f, x);
    // Adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits.
    const ck_lanes shifted = bounded * 1.44269504f + 12582912.0f;
    const ck_lanes whole = shifted - 12582912.0f;
    const ck_lanes rest = (bounded - whole * 0.693359375f) + whole * 2.1219444e-4f;
    ck_lanes series = (ck_lanes)(1.0f / 5040.0f);
    series = series * rest + 1.0f / 720.0f;
    series = series * rest + 1.0f / 120.0f;
    series = series * rest + 1.0f / 24.0f;
    series = series * rest + 1.0f / 6.0f;
    series = series * rest + 0.5f;
    series = series * rest + 1.0f;
    series = series * rest + 1.0f;
    const ck_int_lanes exponent = (CK_NAME(bits)(shifted) - 0x4b400000 + 127) << 23;
    return CK_NAME(select)(is_low, (ck_lanes)0.0f, series * CK_NAME(floats)(exponent));
}

void CK_NAME(ck_sampling_weights)(const float *x, float *out, float maximum, float factor, size_t count) {
    for (size_t i = 0; i < count; i += 16) {
        const size_t left = count - i;
        const ck_lanes v = left < 16 ? CK_NAME(load_some)(x + i, left, maximum) : CK_NAME(load)(x + i);
        const ck_lanes weight = CK_NAME(sampling_weight)((v - maximum) * factor);
        if (left < 16)
            CK_NAME(store_some)(out + i, weight, left);
        else
            CK_NAME(store)(out + i, weight);
    }
}

/// Σ exp((x − maximum) · factor) over a row, in two chains of sixteen lanes; the terms go to `out` unless it is null.
CK_INLINE float CK_NAME(exp_sum)(const float *x, float *out, float maximum, float factor, size_t count) {
    ck_lanes sums[2] = {0.0f, 0.0f};
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
#pragma clang loop unroll(full)
        for (size_t chain = 0; chain < 2; chain++) {
            const ck_lanes v = (CK_NAME(load)(x + i + 16 * chain) - maximum) * factor;
            const ck_lanes weight = CK_NAME(exponential)(v);
            if (out) CK_NAME(store)(out + i + 16 * chain, weight);
            sums[chain] += weight;
        }
    }
    for (; i < count; i += 16) {
        const size_t left = count - i < 16 ? count - i : 16;
        const ck_lanes values = left < 16 ? CK_NAME(load_some)(x + i, left, 0.0f) : CK_NAME(load)(x + i);
        const ck_lanes weight = CK_NAME(exponential)((values - maximum) * factor);
        if (out && left < 16) CK_NAME(store_some)(out + i, weight, left);
        if (out && left == 16) CK_NAME(store)(out + i, weight);
        sums[0] += CK_NAME(select)(CK_NAME(lanes_within)(0, (int32_t)left), weight, (ck_lanes)0.0f);
    }
    return CK_NAME(sum_of_lanes)(sums[0] + sums[1]);
}

float CK_NAME(ck_exp_weights)(const float *x, float *out, float maximum, float factor, size_t count) {
    return CK_NAME(exp_sum)(x, out, maximum, factor, count);
}

/// Σ exp(x − maximum) without keeping the terms.
float CK_NAME(ck_exp_sum)(const float *x, float maximum, size_t count) {
    return CK_NAME(exp_sum)(x, 0, maximum, 1.0f, count);
}

void CK_NAME(ck_softmax)(float *x, size_t count) {
    const float inverse = 1.0f / CK_NAME(exp_sum)(x, x, CK_NAME(ck_maximum)(x, count), 1.0f, count);
    for (size_t i = 0; i < count; i++) x[i] *= inverse;
}
