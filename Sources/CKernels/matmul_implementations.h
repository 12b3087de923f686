// One product function per instruction set; matmul.c chooses.
#ifndef CK_MATMUL_IMPLEMENTATIONS_H
#define CK_MATMUL_IMPLEMENTATIONS_H

#include "include/ck_matmul.h"

typedef void ck_multiply_quantized(
    const ck_panels *panels, const ck_activations *x, ck_destination y, ck_product_range range);
typedef void ck_multiply_float(const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range);

ck_multiply_quantized ck_matmul_quantized_portable;
ck_multiply_float ck_matmul_float_portable;
#if defined(__x86_64__)
ck_multiply_quantized ck_matmul_quantized_avx2, ck_matmul_quantized_avx512, ck_matmul_quantized_avx512vnni;
ck_multiply_float ck_matmul_float_avx2, ck_matmul_float_avx512;
#elif defined(__aarch64__)
ck_multiply_quantized ck_matmul_quantized_neon;
ck_multiply_float ck_matmul_float_neon;
#endif

#endif
