// Products with AVX-512 VNNI: one vpdpbusd is 64 multiplications. 32 registers hold a tile of 6 rows and 2 panels: 12
// integer and 12 float sums, the codes of one step and a broadcast.
#if defined(__x86_64__)
#include <immintrin.h>

#include "matmul_implementations.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c"))), \
    apply_to = function)

#include "matmul_avx512_vectors.h"

enum { CK_PREFETCH_BYTES = 32 << 10, CK_SHORT_PREFETCH_BYTES = 20 << 10 };
enum { ck_centers_wide = 0 };

CK_INLINE VI v_dot(VI sum, VB codes, VI x, ck_traits traits) {
    (void)traits;
    return _mm512_dpbusd_epi32(sum, codes, x);
}

/// In assembly: left to itself clang orders the dot products of a tile so that it takes 2 to 8 % longer.
#define CK_HAS_DOT_LOADED
CK_INLINE VI v_dot_loaded(VI sum, VB codes, const int8_t *x, ck_traits traits) {
    (void)traits;
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(codes), "m"(*(const int8_t(*)[4])x));
    return sum;
}

/// In assembly, because clang makes two instructions of the intrinsic, which take twice as long.
CK_INLINE VI v_dot_wide(VI sum, VB codes, VI x) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(x));
    return sum;
}

#include "matmul_quantized_tile.h"

static const int32_t pair_rows[] = {6, 4, 2, 1};

#define CK_TILES(type)                                                                                                \
    CK_TILE_FUNCTION(type, 1, 1) CK_TILE_FUNCTION(type, 2, 1) CK_TILE_FUNCTION(type, 3, 1)                            \
    CK_TILE_FUNCTION(type, 4, 1) CK_TILE_FUNCTION(type, 5, 1) CK_TILE_FUNCTION(type, 6, 1)                            \
    CK_TILE_FUNCTION(type, 7, 1) CK_TILE_FUNCTION(type, 8, 1)                                                         \
    CK_TILE_FUNCTION(type, 6, 2) CK_TILE_FUNCTION(type, 4, 2)                                                         \
    CK_TILE_FUNCTION(type, 2, 2) CK_TILE_FUNCTION(type, 1, 2)                                                         \
    static const ck_tile_function single_##type[] = {                                                                 \
        tile_##type##_1x1, tile_##type##_2x1, tile_##type##_3x1, tile_##type##_4x1,                                   \
        tile_##type##_5x1, tile_##type##_6x1, tile_##type##_7x1, tile_##type##_8x1,                                   \
    };                                                                                                                \
    static const ck_tile_function pair_##type[] = {                                                                   \
        tile_##type##_6x2, tile_##type##_4x2, tile_##type##_2x2, tile_##type##_1x2,                                   \
    };                                                                                                                \
    static const ck_tile_set tiles_##type = {single_##type, 8, pair_##type, pair_rows};
CK_FOR_EACH_BLOCK_TYPE(CK_TILES)

#pragma clang attribute pop

// Only AMD's processors run these: 1 % faster in the order that suits them.
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c,tune=znver4"))), \
    apply_to = function)

#include "matmul_avx512_paired.h"

void ck_matmul_quantized_avx512vnni(
    const ck_panels *panels, const ck_activations *x, ck_destination y, ck_product_range range) {
    CK_MULTIPLY_RANGE(panels, x, y, range, x->pair_groups ? paired_tile_of(panels->type) : 0)
}

#pragma clang attribute pop
#endif
