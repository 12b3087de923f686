// AVX-512 F, BW, DQ and VL: sixteen lanes are one register of thirty-two, so tiles are 8 x 32.
// Every template below is compiled once here; dispatch.h says how a kernel finds its way.

#if defined(__x86_64__)

#include <immintrin.h>

#include "include/ck_attention.h"
#include "include/ck_elementwise.h"
#include "include/ck_encoder.h"
#include "include/ck_low_rank.h"

#define CK_NAME(name) name##_avx512
#define CK_FUSED 1
#define CK_HAS_HALF 1
#define CK_ROWS 8
#define CK_COLUMNS 2
#define CK_MULTIPLY_PAIRS(a, b) (ck_int_lanes) _mm512_madd_epi16((__m512i)(a), (__m512i)(b))

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)

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
