// Sixteen float32 lanes and what the kernels do with them, written once for every instruction set: the compiler splits
// a vector of sixteen into what the set's registers hold. Included by isa_<set>.c inside its target attribute.
//
// The includer defines CK_NAME(name), which appends the set's suffix, and CK_FUSED: 1 where the set has a fused
// multiply-add. Because the lanes are sixteen everywhere, a reduction has the same order on every set.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Every function that takes or returns lanes is inlined, so how they would be passed does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float ck_lanes __attribute__((ext_vector_type(16)));
typedef int32_t ck_int_lanes __attribute__((ext_vector_type(16)));
typedef int32_t ck_half_int_lanes __attribute__((ext_vector_type(8)));
typedef float ck_lanes_memory __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int32_t ck_int_lanes_memory __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef uint16_t ck_short_lanes __attribute__((ext_vector_type(16), aligned(2), may_alias));
typedef int16_t ck_signed_shorts __attribute__((ext_vector_type(16)));
typedef int16_t ck_short_memory __attribute__((ext_vector_type(16), aligned(2), may_alias));
typedef int8_t ck_byte_pairs __attribute__((ext_vector_type(32), aligned(1), may_alias));
typedef int16_t ck_short_pairs __attribute__((ext_vector_type(32)));
typedef _Float16 ck_half_lanes __attribute__((ext_vector_type(16), aligned(2), may_alias));

#define CK_INLINE static inline __attribute__((always_inline, unused))

/// log₂ e, for exponentials computed in base 2.
#define CK_LOG2_E 1.44269504088896340736f

CK_INLINE ck_lanes CK_NAME(load)(const float *p) { return *(const ck_lanes_memory *)p; }

CK_INLINE void CK_NAME(store)(float *p, ck_lanes x) { *(ck_lanes_memory *)p = x; }

/// The first `count` < 16 lanes of `p`; the others are `fill`. Reads nothing past `p[count - 1]`.
CK_INLINE ck_lanes CK_NAME(load_some)(const float *p, size_t count, float fill) {
    float lanes[16];
    for (size_t i = 0; i < 16; i++) lanes[i] = fill;
    __builtin_memcpy(lanes, p, count * sizeof(float));
    return CK_NAME(load)(lanes);
}

/// Writes the first `count` < 16 lanes.
CK_INLINE void CK_NAME(store_some)(float *p, ck_lanes x, size_t count) {
    float lanes[16];
    CK_NAME(store)(lanes, x);
    __builtin_memcpy(p, lanes, count * sizeof(float));
}

/// a · b + c, rounded once where the set can.
CK_INLINE ck_lanes CK_NAME(multiply_add)(ck_lanes a, ck_lanes b, ck_lanes c) {
#if CK_FUSED
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/// sum + the products of the 16-bit halves of each lane.
CK_INLINE ck_int_lanes CK_NAME(add_pairs)(ck_int_lanes sum, ck_int_lanes a, ck_int_lanes b) {
#if defined(CK_ADD_PAIRS)
    CK_ADD_PAIRS(sum, a, b);
    return sum;
#elif defined(CK_MULTIPLY_PAIRS)
    return sum + CK_MULTIPLY_PAIRS(a, b);
#else
    return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

CK_INLINE ck_int_lanes CK_NAME(bits)(ck_lanes x) { return __builtin_bit_cast(ck_int_lanes, x); }

CK_INLINE ck_lanes CK_NAME(floats)(ck_int_lanes x) { return __builtin_bit_cast(ck_lanes, x); }

/// `yes` where the lane of `mask` is -1, `no` where it is 0.
CK_INLINE ck_lanes CK_NAME(select)(ck_int_lanes mask, ck_lanes yes, ck_lanes no) { return mask ? yes : no; }

/// The larger of two; a lane that is not a number in `x` leaves `best`.
CK_INLINE ck_lanes CK_NAME(larger)(ck_lanes x, ck_lanes best) { return CK_NAME(select)(x > best, x, best); }

/// -1 in the lanes i with from <= i < to.
CK_INLINE ck_int_lanes CK_NAME(lanes_within)(int32_t from, int32_t to) {
    const ck_int_lanes index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return (index >= from) & (index < to);
}

/// The sum of the lanes, as a tree: halves onto each other.
CK_INLINE float CK_NAME(sum_of_lanes)(ck_lanes x) {
    const __typeof__(x.lo) a = x.lo + x.hi;
    const __typeof__(a.lo) b = a.lo + a.hi;
    const __typeof__(b.lo) c = b.lo + b.hi;
    return c.x + c.y;
}

/// The sum of integer lanes.
CK_INLINE int32_t CK_NAME(sum_of_integers)(ck_int_lanes x) {
    const __typeof__(x.lo) a = x.lo + x.hi;
    const __typeof__(a.lo) b = a.lo + a.hi;
    const __typeof__(b.lo) c = b.lo + b.hi;
    return c.x + c.y;
}

/// The largest of integer lanes.
CK_INLINE int32_t CK_NAME(largest_integer)(ck_int_lanes x) {
    const __typeof__(x.lo) a = x.lo > x.hi ? x.lo : x.hi;
    const __typeof__(a.lo) b = a.lo > a.hi ? a.lo : a.hi;
    const __typeof__(b.lo) c = b.lo > b.hi ? b.lo : b.hi;
    return c.x > c.y ? c.x : c.y;
}

/// The largest of the lanes, none of which is not a number.
CK_INLINE float CK_NAME(largest_lane)(ck_lanes x) {
    const __typeof__(x.lo) a = x.lo > x.hi ? x.lo : x.hi;
    const __typeof__(a.lo) b = a.lo > a.hi ? a.lo : a.hi;
    const __typeof__(b.lo) c = b.lo > b.hi ? b.lo : b.hi;
    return c.x > c.y ? c.x : c.y;
}

/// 2^f for |f| <= 0.5: the polynomial of degree 6 with the least relative error, 2e-9 before rounding.
CK_INLINE ck_lanes CK_NAME(exp2_fraction)(ck_lanes f) {
    ck_lanes p = (ck_lanes)1.5345811e-4f;
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)1.3399931234e-3f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)9.6184889588e-3f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)5.5503287770e-2f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)2.4022646890e-1f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)6.9314720574e-1f);
    return CK_NAME(multiply_add)(p, f, (ck_lanes)1.0f);
}

/// 2^x for x <= 0, or above by an error of rounding, to a relative error of 3e-6; what would be below 2^-126 is that. Not a
/// number stays so.
CK_INLINE ck_lanes CK_NAME(exp2_rough)(ck_lanes x) {
    const ck_lanes magic = (ck_lanes)12582912.0f, least = (ck_lanes)-126.0f;
    const ck_lanes bounded = least > x ? least : x;
    const ck_lanes shifted = bounded + magic;
    const ck_lanes f = bounded - (shifted - magic);
    // The polynomial of degree 4 with the least relative error on |f| <= 0.5.
    ck_lanes p = (ck_lanes)9.58286e-3f;
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)5.590643e-2f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)2.4024099e-1f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)6.9312419e-1f);
    p = CK_NAME(multiply_add)(p, f, (ck_lanes)1.0f);
    // The whole part is in the low bits of `shifted`, those of `magic` are zero.
    return p * CK_NAME(floats)((CK_NAME(bits)(shifted) << 23) + (127 << 23));
}

/// 2^x for x <= 0; what would be below 2^-126 is 0. Not a number stays so.
CK_INLINE ck_lanes CK_NAME(exp2_negative)(ck_lanes x) {
    // Adding 1.5 · 2^23 leaves the nearest integer in the low bits of the sum.
    const ck_lanes magic = (ck_lanes)12582912.0f;
    const ck_lanes shifted = x + magic;
    const ck_lanes fraction = x - (shifted - magic);
    const ck_int_lanes whole = CK_NAME(bits)(shifted) - CK_NAME(bits)(magic);
    const ck_lanes power = CK_NAME(floats)((whole + 127) << 23);
    const ck_lanes result = CK_NAME(exp2_fraction)(fraction) * power;
    return CK_NAME(select)(x < -126.0f, (ck_lanes)0.0f, result);
}

/// e^x to a relative error of about 2e-7; what would be below 2^-125 is 0, what would overflow is infinite.
CK_INLINE ck_lanes CK_NAME(exponential)(ck_lanes x) {
    const ck_lanes magic = (ck_lanes)12582912.0f;
    const ck_lanes bounded = CK_NAME(select)(x > 89.0f, (ck_lanes)89.0f, x);
    const ck_lanes shifted = CK_NAME(multiply_add)(bounded, (ck_lanes)CK_LOG2_E, magic);
    const ck_lanes n = shifted - magic;
    // ln 2 in two parts, the first with few enough bits that n times it is exact (Cody & Waite 1980).
    ck_lanes rest = CK_NAME(multiply_add)(n, (ck_lanes)-0.693359375f, bounded);
    rest = CK_NAME(multiply_add)(n, (ck_lanes)2.12194440e-4f, rest);
    const ck_int_lanes whole = CK_NAME(bits)(shifted) - CK_NAME(bits)(magic);
    const ck_lanes power = CK_NAME(floats)((whole + 126) << 23);
    const ck_lanes result = CK_NAME(exp2_fraction)(rest * CK_LOG2_E) * power * 2.0f;
    return CK_NAME(select)(x < -86.5f, (ck_lanes)0.0f, result);
}

/// tanh x = 1 - 2 / (e^2x + 1).
CK_INLINE ck_lanes CK_NAME(hyperbolic_tangent)(ck_lanes x) {
    return 1.0f - 2.0f / (CK_NAME(exponential)(x + x) + 1.0f);
}
