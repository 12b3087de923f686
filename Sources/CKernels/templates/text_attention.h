// Attention in which every token of a text sees every other: see ck_encoder.h. Needs attention_product.h and softmax.h.

/// Where a tile's parts lie in its scratch.
typedef struct {
    /// `[headWidth, keys]`, keys rounded up to 16 with zeros: neighbouring keys are neighbouring lanes.
    float *keys;
    /// `[keys, valueWidth]`, the head's width rounded up to 16 with zeros.
    float *values;
    /// `[CK_ROWS, headWidth]`, scaled.
    float *queries;
    /// `[CK_ROWS, keys]`, rounded up likewise: scores, then weights.
    float *scores;
    /// `[CK_ROWS, valueWidth]`.
    float *sums;
    size_t key_stride, value_width;
} CK_NAME(text_work);

/// Lays out the scratch and copies the head's keys and values into it.
static CK_NAME(text_work) CK_NAME(text_begin)(const ck_text_tile *tile, float *scratch) {
    const size_t count = (size_t)tile->token_count, width = (size_t)tile->head_width;
    CK_NAME(text_work) w;
    w.key_stride = (count + 15) / 16 * 16;
    w.value_width = (width + 15) / 16 * 16;
    w.keys = scratch;
    w.values = w.keys + width * w.key_stride;
    w.queries = w.values + count * w.value_width;
    w.scores = w.queries + CK_ROWS * width;
    w.sums = w.scores + CK_ROWS * w.key_stride;
    __builtin_memset(scratch, 0, (width * w.key_stride + count * w.value_width) * sizeof(float));
    for (size_t token = 0; token < count; token++) {
        const float *key = tile->keys + token * (size_t)tile->stride;
        const float *value = tile->values + token * (size_t)tile->stride;
        for (size_t d = 0; d < width; d++) w.keys[d * w.key_stride + token] = key[d];
        __builtin_memcpy(w.values + token * w.value_width, value, width * sizeof(float));
    }
    return w;
}

/// The product of the rows that `p` has with `b`, `[depth, width]`, into `c`, `[rows, width]`, both in scratch.
CK_INLINE void CK_NAME(text_product)(CK_NAME(product_operands) * p, const float *b, float *c, size_t width) {
    __builtin_memset(c, 0, (size_t)p->rows * width * sizeof(float));
    p->b = (const uint8_t *)b;
    p->c = c;
    p->b_stride = width * sizeof(float);
    p->c_stride = width;
    p->width = (int32_t)width;
    CK_NAME(product)(ck_cache_f32, p);
}

void CK_NAME(ck_attend_text)(const ck_text_tile *tile, float *scratch) {
    const CK_NAME(text_work) w = CK_NAME(text_begin)(tile, scratch);
    const size_t width = (size_t)tile->head_width, stride = (size_t)tile->stride;
    for (int32_t row = tile->first_query; row < tile->query_end; row += CK_ROWS) {
        const int32_t rows = tile->query_end - row < CK_ROWS ? tile->query_end - row : CK_ROWS;
        for (int32_t r = 0; r < rows; r++) {
            const float *query = tile->queries + (size_t)(row + r) * stride;
            for (size_t d = 0; d < width; d++) w.queries[(size_t)r * width + d] = query[d] * tile->scale;
        }
        CK_NAME(product_operands) p = {.a = w.queries, .a_stride = width, .rows = rows, .depth = tile->head_width};
        CK_NAME(text_product)(&p, w.keys, w.scores, w.key_stride);
        for (int32_t r = 0; r < rows; r++)
            CK_NAME(ck_softmax)(w.scores + (size_t)r * w.key_stride, (size_t)tile->token_count);
        p = (CK_NAME(product_operands)){.a = w.scores, .a_stride = w.key_stride, .rows = rows, .depth = tile->token_count};
        CK_NAME(text_product)(&p, w.values, w.sums, w.value_width);
        for (int32_t r = 0; r < rows; r++) {
            float *out = tile->output + (size_t)(row + r) * (size_t)tile->output_stride;
            __builtin_memcpy(out, w.sums + (size_t)r * w.value_width, width * sizeof(float));
        }
    }
}
