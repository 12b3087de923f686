// Rotary position embedding: see ck_elementwise.h. Needs lanes.h.

/// Rotates sixteen pairs.
CK_INLINE void CK_NAME(turn)(ck_lanes *a, ck_lanes *b, ck_lanes cosine, ck_lanes sine) {
    const ck_lanes first = *a, second = *b;
    *a = CK_NAME(multiply_add)(first, cosine, -(second * sine));
    *b = CK_NAME(multiply_add)(second, cosine, first * sine);
}

CK_INLINE ck_lanes CK_NAME(load_up_to)(const float *p, size_t count) {
    return count < 16 ? CK_NAME(load_some)(p, count, 0.0f) : CK_NAME(load)(p);
}

CK_INLINE void CK_NAME(store_up_to)(float *p, ck_lanes x, size_t count) {
    if (count < 16)
        CK_NAME(store_some)(p, x, count);
    else
        CK_NAME(store)(p, x);
}

CK_INLINE void CK_NAME(rotate_halves)(float *head, const float *table, size_t half) {
    for (size_t i = 0; i < half; i += 16) {
        const size_t count = half - i;
        ck_lanes a = CK_NAME(load_up_to)(head + i, count), b = CK_NAME(load_up_to)(head + half + i, count);
        CK_NAME(turn)(&a, &b, CK_NAME(load_up_to)(table + i, count), CK_NAME(load_up_to)(table + half + i, count));
        CK_NAME(store_up_to)(head + i, a, count);
        CK_NAME(store_up_to)(head + half + i, b, count);
    }
}

CK_INLINE void CK_NAME(rotate_adjacent)(float *head, const float *table, size_t half) {
    for (size_t i = 0; i < half; i += 16) {
        const size_t count = half - i, second = count > 8 ? 2 * count - 16 : 0;
        const ck_lanes low = CK_NAME(load_up_to)(head + 2 * i, 2 * count);
        const ck_lanes high = second > 0 ? CK_NAME(load_up_to)(head + 2 * i + 16, second) : (ck_lanes)0.0f;
        ck_lanes a = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        ck_lanes b = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        CK_NAME(turn)(&a, &b, CK_NAME(load_up_to)(table + i, count), CK_NAME(load_up_to)(table + half + i, count));
        const ck_lanes left = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const ck_lanes right =
            __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        CK_NAME(store_up_to)(head + 2 * i, left, 2 * count);
        if (second > 0) CK_NAME(store_up_to)(head + 2 * i + 16, right, second);
    }
}

void CK_NAME(ck_rotate)(
    float *x, ptrdiff_t stride, const ck_rotation *rotation, size_t rows, size_t heads, size_t head_width) {
    const size_t half = rotation->half;
    for (size_t row = 0; row < rows; row++) {
        const float *table = rotation->table + (size_t)rotation->positions[row] * 2 * half;
        for (size_t h = 0; h < heads; h++) {
            float *head = x + (ptrdiff_t)row * stride + (ptrdiff_t)(h * head_width);
            if (rotation->pairing == ck_pairing_halves)
                CK_NAME(rotate_halves)(head, table, half);
            else
                CK_NAME(rotate_adjacent)(head, table, half);
        }
    }
}
