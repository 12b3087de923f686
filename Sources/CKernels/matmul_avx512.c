// Products with AVX-512 but without VNNI: the dot product is vpmaddubsw and vpmaddwd.
#if defined(__x86_64__)
#include <immintrin.h>

#include "matmul_implementations.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"))), \
    apply_to = function)

#include "matmul_avx512_vectors.h"

enum { CK_PREFETCH_BYTES = 32 << 10, CK_SHORT_PREFETCH_BYTES = 20 << 10 };
enum { ck_centers_wide = 0 };

// vpmaddubsw saturates at 16 bits: two products of u8 and s8 need 17. Wide codes go in two parts, u = 2 · (u >> 1) + (u & 1).
CK_INLINE VI v_dot(VI sum, VB codes, VI x, ck_traits traits) {
    const VI ones = _mm512_set1_epi16(1);
    if (!traits.is_wide) return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(codes, x), ones));
    const VB upper = _mm512_and_si512(_mm512_srli_epi16(codes, 1), _mm512_set1_epi8(127));
    const VB lowest = _mm512_and_si512(codes, _mm512_set1_epi8(1));
    const VI twice = _mm512_madd_epi16(_mm512_maddubs_epi16(upper, x), _mm512_set1_epi16(2));
    const VI once = _mm512_madd_epi16(_mm512_maddubs_epi16(lowest, x), ones);
    return _mm512_add_epi32(sum, _mm512_add_epi32(twice, once));
}

CK_INLINE VI v_dot_wide(VI sum, VB codes, VI x) { return _mm512_add_epi32(sum, _mm512_madd_epi16(codes, x)); }

#include "matmul_quantized_tile.h"

static const int32_t pair_rows[] = {4, 1};

#define CK_TILES(type)                                                                                                \
    CK_TILE_FUNCTION(type, 1, 1) CK_TILE_FUNCTION(type, 2, 1)                                                         \
    CK_TILE_FUNCTION(type, 3, 1) CK_TILE_FUNCTION(type, 4, 1)                                                         \
    CK_TILE_FUNCTION(type, 4, 2) CK_TILE_FUNCTION(type, 1, 2)                                                         \
    static const ck_tile_function single_##type[] = {                                                                 \
        tile_##type##_1x1, tile_##type##_2x1, tile_##type##_3x1, tile_##type##_4x1,                                   \
    };                                                                                                                \
    static const ck_tile_function pair_##type[] = {tile_##type##_4x2, tile_##type##_1x2};                             \
    static const ck_tile_set tiles_##type = {single_##type, 4, pair_##type, pair_rows};
CK_FOR_EACH_BLOCK_TYPE(CK_TILES)

void ck_matmul_quantized_avx512(
    const ck_panels *panels, const ck_activations *x, ck_destination y, ck_product_range range) {
    CK_MULTIPLY_RANGE(panels, x, y, range, 0)
}

#include "matmul_float_tile.h"

CK_FLOAT_TILE_FUNCTION(1, 1)
CK_FLOAT_TILE_FUNCTION(2, 1)
CK_FLOAT_TILE_FUNCTION(3, 1)
CK_FLOAT_TILE_FUNCTION(4, 1)
CK_FLOAT_TILE_FUNCTION(5, 1)
CK_FLOAT_TILE_FUNCTION(6, 1)
CK_FLOAT_TILE_FUNCTION(6, 2)
CK_FLOAT_TILE_FUNCTION(2, 2)
CK_FLOAT_TILE_FUNCTION(1, 2)

static const int32_t float_pair_rows[] = {6, 2, 1};
static const ck_tile_function float_pair[] = {float_tile_6x2, float_tile_2x2, float_tile_1x2};
static const ck_tile_function float_single[] = {
    float_tile_1x1, float_tile_2x1, float_tile_3x1, float_tile_4x1, float_tile_5x1, float_tile_6x1,
};
static const ck_tile_set float_tiles = {float_single, 6, float_pair, float_pair_rows};

void ck_matmul_float_avx512(const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range) {
    ck_walk_tiles(&float_tiles, panels, float_tile(panels, x), y, range);
}

#pragma clang attribute pop
#endif
