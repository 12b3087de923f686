#include "matmul_implementations.h"

void ck_matmul_quantized(
    ck_instruction_set set, const ck_panels *panels, const ck_activations *x, ck_destination y,
    ck_product_range range) {
    switch (set) {
#if defined(__x86_64__)
    case ck_instruction_set_avx2: return ck_matmul_quantized_avx2(panels, x, y, range);
    case ck_instruction_set_avx512: return ck_matmul_quantized_avx512(panels, x, y, range);
    case ck_instruction_set_avx512vnni: return ck_matmul_quantized_avx512vnni(panels, x, y, range);
#elif defined(__aarch64__)
    case ck_instruction_set_neon: return ck_matmul_quantized_neon(panels, x, y, range);
#endif
    default: return ck_matmul_quantized_portable(panels, x, y, range);
    }
}

void ck_matmul_float(
    ck_instruction_set set, const ck_panels *panels, ck_float_rows x, ck_destination y, ck_product_range range) {
    switch (set) {
#if defined(__x86_64__)
    case ck_instruction_set_avx2: return ck_matmul_float_avx2(panels, x, y, range);
    case ck_instruction_set_avx512:
    case ck_instruction_set_avx512vnni: return ck_matmul_float_avx512(panels, x, y, range);
#elif defined(__aarch64__)
    case ck_instruction_set_neon: return ck_matmul_float_neon(panels, x, y, range);
#endif
    default: return ck_matmul_float_portable(panels, x, y, range);
    }
}
