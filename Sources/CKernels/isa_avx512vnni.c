// AVX-512 with VNNI: attention alone, whose integer products are one instruction here instead of two. Everything else is
// that of isa_avx512.c.

#if defined(__x86_64__)

#include "include/ck_attention.h"

#define CK_NAME(name) name##_avx512vnni
#define CK_FUSED 1
#define CK_HAS_HALF 1
#define CK_ROWS 8
#define CK_COLUMNS 2
// In assembly, because clang makes two instructions of the intrinsic.
#define CK_ADD_PAIRS(sum, a, b) __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

// In the order they need one another.
#include "templates/lanes.h"
#include "templates/cache_elements.h"
#include "templates/attention_cache.h"
#include "templates/attention_product.h"
#include "templates/attention.h"
#include "templates/attention_whole.h"
#include "templates/attention_tile.h"

#pragma clang attribute pop

#endif
