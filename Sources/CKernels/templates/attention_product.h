// The one matrix product of attention, C[rows, columns] += A[rows, depth] · B[depth, columns]: scores are queries times
// transposed keys, results are weights times values. Needs lanes.h and cache_elements.h.
//
// Each element of C is one chain of multiply-adds in ascending depth, whatever the blocking: that is what makes tiles of
// any height give the same bits. CK_ROWS and CK_COLUMNS (in vectors of 16) block the accumulators into registers.

/// One register tile. `rows`, `columns` and `element` are constants after inlining; `b` is prefetched `ahead` bytes on.
CK_INLINE void CK_NAME(product_tile)(
    const int rows, const int columns, const int32_t element, const float *restrict a, size_t a_stride,
    const uint8_t *restrict b, size_t b_stride, ptrdiff_t ahead, float *restrict c, size_t c_stride, int32_t depth) {
    const size_t vector_bytes = 16 * CK_NAME(bytes_of)(element);
    ck_lanes sums[CK_ROWS][CK_COLUMNS];
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
        for (int column = 0; column < columns; column++)
            sums[row][column] = CK_NAME(load)(c + (size_t)row * c_stride + 16 * column);
    }
    for (int32_t k = 0; k < depth; k++) {
        ck_lanes right[CK_COLUMNS];
        __builtin_prefetch(b + ahead, 0, 1);
#pragma clang loop unroll(full)
        for (int column = 0; column < columns; column++)
            right[column] = CK_NAME(load_elements)(b + vector_bytes * (size_t)column, element);
#pragma clang loop unroll(full)
        for (int row = 0; row < rows; row++) {
            const ck_lanes left = (ck_lanes)a[(size_t)row * a_stride + (size_t)k];
#pragma clang loop unroll(full)
            for (int column = 0; column < columns; column++)
                sums[row][column] = CK_NAME(multiply_add)(left, right[column], sums[row][column]);
        }
        b += b_stride;
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
        for (int column = 0; column < columns; column++)
            CK_NAME(store)(c + (size_t)row * c_stride + 16 * column, sums[row][column]);
    }
}

/// The operands of a product. Strides of A and C in floats, of B in bytes.
typedef struct {
    const float *a;
    const uint8_t *b;
    float *c;
    size_t a_stride, b_stride, c_stride;
    /// Distance in bytes to what will be read next, or 0.
    ptrdiff_t ahead;
    int32_t rows, depth;
    /// Columns, a multiple of 16.
    int32_t width;
} CK_NAME(product_operands);

CK_INLINE void CK_NAME(product_columns)(
    const int columns, const int32_t element, const CK_NAME(product_operands) * p, int32_t column) {
    const uint8_t *b = p->b + (size_t)column * CK_NAME(bytes_of)(element);
    float *c = p->c + column;
#define CK_CASE(count)                                                                                             \
    case count:                                                                                                    \
        CK_NAME(product_tile)                                                                                      \
        (count, columns, element, p->a, p->a_stride, b, p->b_stride, p->ahead, c, p->c_stride, p->depth);          \
        return;
    switch (p->rows) {
        CK_CASE(1)
        CK_CASE(2)
#if CK_ROWS > 2
        CK_CASE(3)
        CK_CASE(4)
        CK_CASE(5)
        CK_CASE(6)
#endif
#if CK_ROWS > 6
        CK_CASE(7)
        CK_CASE(8)
#endif
    }
#undef CK_CASE
}

/// C += A · B for at most CK_ROWS rows. Not inlined: one copy for each element type.
#define CK_DEFINE_PRODUCT(suffix, element)                                                                         \
    static __attribute__((noinline)) void CK_NAME(product_##suffix)(const CK_NAME(product_operands) * p) {         \
        int32_t column = 0;                                                                                        \
        for (; column + 16 * CK_COLUMNS <= p->width; column += 16 * CK_COLUMNS)                                    \
            CK_NAME(product_columns)(CK_COLUMNS, element, p, column);                                              \
        for (; column < p->width; column += 16) CK_NAME(product_columns)(1, element, p, column);                   \
    }
CK_DEFINE_PRODUCT(f32, ck_cache_f32)
CK_DEFINE_PRODUCT(f16, ck_cache_f16)
CK_DEFINE_PRODUCT(bf16, ck_cache_bf16)
#undef CK_DEFINE_PRODUCT

CK_INLINE void CK_NAME(product)(int32_t element, const CK_NAME(product_operands) * p) {
    switch (element) {
    case ck_cache_f16: CK_NAME(product_f16)(p); return;
    case ck_cache_bf16: CK_NAME(product_bf16)(p); return;
    default: CK_NAME(product_f32)(p); return;
    }
}
