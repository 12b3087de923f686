// Products with AVX2, FMA and F16C. 16 registers hold a tile of 4 rows and one panel (two vectors of 8 outputs): 8
// sums, the codes of one step, a broadcast and its products.
#if defined(__x86_64__)
#include "matmul_implementations.h"

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "panel_traits.h"

#define LANES 8
typedef __m256i VB, VI;
typedef __m256 VF;

enum { CK_PREFETCH_BYTES = 32 << 10, CK_SHORT_PREFETCH_BYTES = 20 << 10 };

CK_INLINE VB v_load_bytes(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
CK_INLINE VB v_low_half(VB v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
CK_INLINE VB v_high_half(VB v) { return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15)); }
CK_INLINE VB v_join_high(VB half, VB high, int at, int bits) {
    const VB lifted = at < 4 ? _mm256_slli_epi16(high, 4 - at) : _mm256_srli_epi16(high, at - 4);
    return _mm256_or_si256(half, _mm256_and_si256(lifted, _mm256_set1_epi8((char)(((1 << bits) - 1) << 4))));
}
CK_INLINE VB v_load_halves(const uint8_t *p, int lane) {
    return lane == 0 ? v_load_bytes(p) : _mm256_srli_epi16(v_load_bytes(p), 4);
}
CK_INLINE VB v_load_table(const uint8_t *p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
}
CK_INLINE VB v_lookup(VB table, VB indices) { return _mm256_shuffle_epi8(table, indices); }

CK_INLINE VI v_broadcast4(int32_t v) { return _mm256_set1_epi32(v); }
CK_INLINE VI v_load_broadcast4(const int32_t *p) { return _mm256_set1_epi32(*p); }
CK_INLINE VI v_subtract_i32(VI a, VI b) { return _mm256_sub_epi32(a, b); }
CK_INLINE VI v_times(VI a, int b) { return _mm256_mullo_epi32(a, _mm256_set1_epi32(b)); }
CK_INLINE VF v_to_float(VI v) { return _mm256_cvtepi32_ps(v); }

CK_INLINE VF v_zero(void) { return _mm256_setzero_ps(); }
CK_INLINE VF v_broadcast(float v) { return _mm256_set1_ps(v); }
CK_INLINE VF v_add(VF a, VF b) { return _mm256_add_ps(a, b); }
CK_INLINE VF v_multiply(VF a, VF b) { return _mm256_mul_ps(a, b); }
CK_INLINE VF v_multiply_add(VF a, VF b, VF c) { return _mm256_fmadd_ps(a, b, c); }

CK_INLINE __m128i load_8_bytes(const uint8_t *p) { return _mm_loadl_epi64((const __m128i *)p); }
CK_INLINE __m128i load_8_words(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
CK_INLINE VF v_load_half(const uint8_t *p) { return _mm256_cvtph_ps(load_8_words(p)); }
CK_INLINE VF v_load_bfloat(const uint8_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_8_words(p)), 16));
}
CK_INLINE VF v_load_u8(const uint8_t *p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(load_8_bytes(p))); }
CK_INLINE VF v_load_i8(const uint8_t *p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_8_bytes(p))); }
CK_INLINE VF v_load_float(const uint8_t *p) { return _mm256_loadu_ps((const float *)p); }
CK_INLINE void v_store_float(float *p, VF v) { _mm256_storeu_ps(p, v); }
CK_INLINE void v_prefetch(const uint8_t *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
CK_INLINE void v_prefetch_near(const uint8_t *p) { _mm_prefetch((const char *)p, _MM_HINT_NTA); }

// Sums are added in assembly: left to itself clang adds the products of several steps first, and runs out of registers.
CK_INLINE VI v_add_short(VI a, VI b) {
    __asm__("vpaddw %1, %0, %0" : "+x"(a) : "x"(b));
    return a;
}
CK_INLINE VI v_add_i32(VI a, VI b) {
    __asm__("vpaddd %1, %0, %0" : "+x"(a) : "x"(b));
    return a;
}

#define CK_HAS_SHORT_SUMS
CK_INLINE VI v_dot_short(VB codes, VI x) { return _mm256_maddubs_epi16(codes, x); }
CK_INLINE VI v_widen(VI sum, VI shorts) { return v_add_i32(sum, _mm256_madd_epi16(shorts, _mm256_set1_epi16(1))); }
CK_INLINE const int8_t *v_hide(const int8_t *p) {
    __asm__("" : "+r"(p));
    return p;
}

// vpmaddubsw saturates at 16 bits. It takes the magnitude of a centred wide code, and the activation its sign: 2 · 128 · 127 fits.
enum { ck_centers_wide = 1 };
CK_INLINE VI v_dot(VI sum, VB codes, VI x, ck_traits traits) {
    if (!traits.is_wide) return v_widen(sum, v_dot_short(codes, x));
    const VB centered = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
    return v_widen(sum, v_dot_short(_mm256_abs_epi8(centered), _mm256_sign_epi8(x, centered)));
}

CK_INLINE VI v_dot_wide(VI sum, VB codes, VI x) { return v_add_i32(sum, _mm256_madd_epi16(codes, x)); }

#include "matmul_quantized_tile.h"

#define CK_TILES(type)                                                                                                \
    CK_TILE_FUNCTION(type, 1, 1) CK_TILE_FUNCTION(type, 2, 1) CK_TILE_FUNCTION(type, 3, 1)                            \
    CK_TILE_FUNCTION(type, 4, 1)                                                                                      \
    static const ck_tile_function single_##type[] = {                                                                 \
        tile_##type##_1x1, tile_##type##_2x1, tile_##type##_3x1, tile_##type##_4x1,                                   \
    };                                                                                                                \
    static const ck_tile_set tiles_##type = {.single = single_##type, .most_rows = 4};
CK_FOR_EACH_BLOCK_TYPE(CK_TILES)

void ck_matmul_quantized_avx2(
    const ck_panels *panels, const ck_activations *x, ck_destination y, ck_product_range range) {
    CK_MULTIPLY_RANGE(panels, x, y, range, 0)
}

#include "matmul_float_tile.h"

CK_FLOAT_TILE_FUNCTION(1, 1)
CK_FLOAT_TILE_FUNCTION(2, 1)
CK_FLOAT_TILE_FUNCTION(3, 1)
CK_FLOAT_TILE_FUNCTION(4, 1)

static const ck_tile_function float_single[] = {float_tile_1x1, float_tile_2x1, float_tile_3x1, float_tile_4x1};
static const ck_tile_set float_tiles = {.single = float_single, .most_rows = 4};

void ck_matmul_float_avx2(const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range) {
    ck_walk_tiles(&float_tiles, panels, float_tile(panels, x), y, range);
}

#pragma clang attribute pop
#endif
