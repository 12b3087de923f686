// Loads and stores of the KV cache's element types, sixteen at a time. Needs lanes.h.
//
// `element` is a constant wherever these are used, so that only one branch is left after inlining.

/// Bytes of one element.
CK_INLINE size_t CK_NAME(bytes_of)(const int32_t element) {
    return element == ck_cache_f32 ? 4 : element == ck_cache_i8 ? 1 : 2;
}

/// Whether elements are whole numbers under a scale, which stand in pairs.
CK_INLINE bool CK_NAME(is_whole)(const int32_t element) { return element == ck_cache_i8 || element == ck_cache_i16; }

/// Sixteen elements at `p` as float32.
CK_INLINE ck_lanes CK_NAME(load_elements)(const void *p, const int32_t element) {
    if (element == ck_cache_f32) return CK_NAME(load)((const float *)p);
    const ck_short_lanes raw = *(const ck_short_lanes *)p;
    if (element == ck_cache_bf16) return CK_NAME(floats)(__builtin_convertvector(raw, ck_int_lanes) << 16);
#if CK_HAS_HALF
    return __builtin_convertvector(*(const ck_half_lanes *)p, ck_lanes);
#else
    // Exponent and fraction moved into place are 2^112 too small; the multiplication also repairs subnormals.
    const ck_int_lanes half = __builtin_convertvector(raw, ck_int_lanes);
    const ck_int_lanes magnitude = (half & 0x7fff) << 13;
    const ck_lanes finite = CK_NAME(floats)(magnitude) * 0x1p112f;
    const ck_int_lanes special = (half & 0x7fff) >= 0x7c00;
    const ck_int_lanes bits = CK_NAME(bits)(finite) | (special & (magnitude | 0x7f800000));
    return CK_NAME(floats)(bits | ((half & 0x8000) << 16));
#endif
}

/// Rounds to nearest, ties to even. Finite numbers beyond the largest f16 become that, not infinity: one large key must
/// not turn a whole row of scores into what is not a number.
CK_INLINE uint16_t CK_NAME(half_of)(float x) {
    const float limit = 65504.0f;
    const float bounded = __builtin_isinf(x) ? x : x > limit ? limit : x < -limit ? -limit : x;
#if CK_HAS_HALF
    return __builtin_bit_cast(uint16_t, (_Float16)bounded);
#else
    const uint32_t bits = __builtin_bit_cast(uint32_t, bounded);
    const uint32_t sign = (bits >> 16) & 0x8000;
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (magnitude == 0x7f800000) return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low bits.
        const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
        return (uint16_t)(sign | (__builtin_bit_cast(uint32_t, shifted) - 0x3f000000));
    }
    const uint32_t rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1);
    return (uint16_t)(sign | (rounded >> 13));
#endif
}

/// Rounds to nearest, ties to even.
CK_INLINE uint16_t CK_NAME(brain_of)(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
