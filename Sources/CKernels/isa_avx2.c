// AVX2 with FMA and F16C: sixteen lanes are two registers of sixteen, so tiles are 6 x 16.
// Every template below is compiled once here; dispatch.h says how a kernel finds its way.

#if defined(__x86_64__)

#include <immintrin.h>

#include "include/ck_attention.h"
#include "include/ck_elementwise.h"
#include "include/ck_encoder.h"
#include "include/ck_low_rank.h"

#define CK_NAME(name) name##_avx2
#define CK_FUSED 1
#define CK_HAS_HALF 1
#define CK_ROWS 6
#define CK_COLUMNS 1
#define CK_MULTIPLY_PAIRS(a, b)                                                                                    \
    __builtin_shufflevector(                                                                                       \
        (ck_half_int_lanes)_mm256_madd_epi16((__m256i)(a).lo, (__m256i)(b).lo),                                    \
        (ck_half_int_lanes)_mm256_madd_epi16((__m256i)(a).hi, (__m256i)(b).hi), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, \
        12, 13, 14, 15)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

// In the order they need one another.
#include "templates/lanes.h"
#include "templates/cache_elements.h"
#include "templates/attention_cache.h"
#include "templates/attention_product.h"
#include "templates/attention.h"
#include "templates/attention_whole.h"
#include "templates/attention_tile.h"
#include "templates/rmsnorm.h"
#include "templates/rope.h"
#include "templates/activation.h"
#include "templates/softmax.h"
#include "templates/layer_norm.h"
#include "templates/gelu.h"
#include "templates/text_attention.h"
#include "templates/low_rank.h"

#pragma clang attribute pop

#endif
