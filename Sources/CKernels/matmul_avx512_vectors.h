// The vectors of matmul_quantized_tile.h and matmul_float_tile.h in AVX-512.
#include <immintrin.h>

#include "panel_traits.h"

#define LANES 16
typedef __m512i VB, VI;
typedef __m512 VF;

CK_INLINE VB v_load_bytes(const uint8_t *p) { return _mm512_loadu_si512(p); }
CK_INLINE VB v_low_half(VB v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
CK_INLINE VB v_high_half(VB v) { return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15)); }
CK_INLINE VB v_join_high(VB half, VB high, int at, int bits) {
    const VB lifted = at < 4 ? _mm512_slli_epi16(high, 4 - at) : _mm512_srli_epi16(high, at - 4);
    return _mm512_or_si512(half, _mm512_and_si512(lifted, _mm512_set1_epi8((char)(((1 << bits) - 1) << 4))));
}
CK_INLINE VB v_load_halves(const uint8_t *p, int lane) {
    (void)lane;
    const __m256i both = _mm256_loadu_si256((const __m256i *)p);
    return _mm512_inserti64x4(_mm512_castsi256_si512(both), _mm256_srli_epi16(both, 4), 1);
}
CK_INLINE VB v_load_table(const uint8_t *p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)p));
}
CK_INLINE VB v_lookup(VB table, VB indices) { return _mm512_shuffle_epi8(table, indices); }

CK_INLINE VI v_broadcast4(int32_t v) { return _mm512_set1_epi32(v); }
/// In assembly: clang would compute with one lane first and broadcast the result, on ports that dot products need.
CK_INLINE VI v_load_broadcast4(const int32_t *p) {
    VI v;
    __asm__("vpbroadcastd %1, %0" : "=v"(v) : "m"(*p));
    return v;
}
CK_INLINE VI v_subtract_i32(VI a, VI b) { return _mm512_sub_epi32(a, b); }
CK_INLINE VI v_times(VI a, int b) { return _mm512_mullo_epi32(a, _mm512_set1_epi32(b)); }
CK_INLINE VF v_to_float(VI v) { return _mm512_cvtepi32_ps(v); }

CK_INLINE VF v_zero(void) { return _mm512_setzero_ps(); }
CK_INLINE VF v_broadcast(float v) { return _mm512_set1_ps(v); }
CK_INLINE VF v_add(VF a, VF b) { return _mm512_add_ps(a, b); }
CK_INLINE VF v_multiply(VF a, VF b) { return _mm512_mul_ps(a, b); }
CK_INLINE VF v_multiply_add(VF a, VF b, VF c) { return _mm512_fmadd_ps(a, b, c); }

CK_INLINE __m128i load_16_bytes(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
CK_INLINE __m256i load_16_words(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
CK_INLINE VF v_load_half(const uint8_t *p) { return _mm512_cvtph_ps(load_16_words(p)); }
CK_INLINE VF v_load_bfloat(const uint8_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_16_words(p)), 16));
}
CK_INLINE VF v_load_u8(const uint8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_16_bytes(p))); }
CK_INLINE VF v_load_i8(const uint8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16_bytes(p))); }
CK_INLINE VF v_load_float(const uint8_t *p) { return _mm512_loadu_ps(p); }
CK_INLINE void v_store_float(float *p, VF v) { _mm512_storeu_ps(p, v); }
CK_INLINE void v_prefetch(const uint8_t *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
CK_INLINE void v_prefetch_near(const uint8_t *p) { _mm_prefetch((const char *)p, _MM_HINT_NTA); }
