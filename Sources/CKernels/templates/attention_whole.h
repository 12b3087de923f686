// Attention over an int8 cache. Keys and values stay whole numbers: queries and weights become 16-bit ones, so both products
// multiply pairs of 16-bit integers, twice as many an instruction as floats, and their sums are exact in 32 bits: 256 keys,
// or 512 elements of a head, times 32767 · 127 are below 2^31. Exact sums have no order, so any blocking gives the same
// bits. Needs attention.h.

/// Sixteen pairs of bytes as pairs of 16-bit integers.
CK_INLINE ck_int_lanes CK_NAME(load_pairs)(const uint8_t *p) {
    return __builtin_bit_cast(
        ck_int_lanes, __builtin_convertvector(*(const ck_byte_pairs *)p, ck_short_pairs));
}

/// A part of B: rows that stand one after the other, `ahead` bytes before what will be read next.
typedef struct {
    const uint8_t *b;
    ptrdiff_t ahead;
    int32_t depth;
} CK_NAME(pair_run);

/// The operands of C[rows, columns] = A[rows, depth] · B[depth, columns] over pairs, B in runs. Strides of A and C in lanes,
/// of B in bytes.
typedef struct {
    const int32_t *a;
    const CK_NAME(pair_run) * runs;
    int32_t *c;
    size_t a_stride, b_stride, c_stride;
    int32_t rows, run_count;
    /// Columns, a multiple of 16.
    int32_t width;
} CK_NAME(pair_operands);

CK_INLINE void CK_NAME(pair_tile)(
    const int rows, const int columns, const CK_NAME(pair_operands) * p, int32_t column) {
    const int32_t *a = p->a;
    int32_t *to = p->c + column;
    ck_int_lanes sums[CK_ROWS][CK_COLUMNS];
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++) sums[row][c] = (ck_int_lanes)0;
    }
    for (int32_t i = 0; i < p->run_count; i++) {
        const CK_NAME(pair_run) run = p->runs[i];
        const uint8_t *b = run.b + 2 * column;
        for (int32_t k = 0; k < run.depth; k++, a++, b += p->b_stride) {
            ck_int_lanes right[CK_COLUMNS];
            __builtin_prefetch(b + run.ahead, 0, 1);
#pragma clang loop unroll(full)
            for (int c = 0; c < columns; c++) right[c] = CK_NAME(load_pairs)(b + 32 * c);
#pragma clang loop unroll(full)
            for (int row = 0; row < rows; row++) {
                const ck_int_lanes left = (ck_int_lanes)a[(size_t)row * p->a_stride];
#pragma clang loop unroll(full)
                for (int c = 0; c < columns; c++) sums[row][c] = CK_NAME(add_pairs)(sums[row][c], left, right[c]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < columns; c++)
            *(ck_int_lanes_memory *)(to + (size_t)row * p->c_stride + 16 * c) = sums[row][c];
    }
}

CK_INLINE void CK_NAME(pair_columns)(const int columns, const CK_NAME(pair_operands) * p, int32_t column) {
#define CK_CASE(count)                                                                                             \
    case count:                                                                                                    \
        if (count <= CK_ROWS) CK_NAME(pair_tile)(count <= CK_ROWS ? count : 1, columns, p, column);                \
        return;
    switch (p->rows) { CK_CASE(1) CK_CASE(2) CK_CASE(3) CK_CASE(4) CK_CASE(5) CK_CASE(6) CK_CASE(7) CK_CASE(8) }
#undef CK_CASE
}

static void CK_NAME(pair_product)(const CK_NAME(pair_operands) * p) {
    int32_t column = 0;
    for (; column + 16 * CK_COLUMNS <= p->width; column += 16 * CK_COLUMNS)
        CK_NAME(pair_columns)(CK_COLUMNS, p, column);
    for (; column < p->width; column += 16) CK_NAME(pair_columns)(1, p, column);
}

/// The tile's queries, times the scale of scores, as pairs with a scale for each row.
static void CK_NAME(quantize_queries)(const CK_NAME(attention_work) * w) {
    const size_t width = (size_t)w->width, pairs = (width + 1) / 2;
    const float limit = width <= 512 ? 32767 : (float)(32767 * 512 / width);
    for (int32_t row = 0; row < w->rows; row++) {
        const float *query = w->queries + (size_t)row * width;
        int16_t *to = (int16_t *)(w->query_pairs + (size_t)row * pairs);
        to[2 * pairs - 1] = 0;
        float inverse;
        w->query_scales[row] = CK_NAME(whole_scale)(query, width, limit, &inverse);
        for (size_t d = 0; d < width; d++) to[d] = (int16_t)CK_NAME(whole)(query[d], inverse);
    }
}

/// Whole scores of rows `row ..< row + count` for the keys in `range`, and up to 31 more that mean nothing.
static void CK_NAME(score_whole)(
    const CK_NAME(attention_work) * w, int32_t split, int32_t row, int32_t count, CK_NAME(key_range) range) {
    const ck_attention_cache *cache = w->cache;
    const int32_t origin = split * ck_attention_split_size, size = cache->block_size;
    // The values of these keys come next, one pass later.
    CK_NAME(pair_run) keys = {.depth = (w->width + 1) / 2, .ahead = (ptrdiff_t)cache->value_offset};
    CK_NAME(pair_operands) p = {.rows = count, .runs = &keys, .run_count = 1};
    p.a_stride = (size_t)keys.depth;
    p.a = w->query_pairs + (size_t)row * p.a_stride;
    p.b_stride = 2 * (size_t)size;
    p.c_stride = CK_NAME(score_stride);
    for (int32_t key = range.from, run; key < range.to; key += run) {
        const int32_t slot = (origin + key) % size;
        run = range.to - key < size - slot ? range.to - key : size - slot;
        const uint8_t *block = CK_NAME(head_block)(cache, w->tile->block_table, w->tile->kv_head, origin + key);
        for (int32_t i = 0; i < run; i += 32) {
            p.width = run - i > 16 ? 32 : 16;
            keys.b = block + 2 * (slot + i);
            p.c = (int32_t *)w->scores + key + i;
            CK_NAME(pair_product)(&p);
        }
    }
}

/// Lanes of `x` that are in `range`, from key `key` on; `other` elsewhere.
CK_INLINE ck_lanes CK_NAME(in_range)(ck_lanes x, CK_NAME(key_range) range, int32_t key, float other) {
    if (range.from <= key && range.to >= key + 16) return x;
    return CK_NAME(select)(CK_NAME(lanes_within)(range.from - key, range.to - key), x, (ck_lanes)other);
}

/// The largest scale of the values in `range`.
CK_INLINE float CK_NAME(largest_scale)(const float *scales, CK_NAME(key_range) range) {
    ck_lanes best = (ck_lanes)0.0f;
    for (int32_t key = range.from / 16 * 16; key < range.to; key += 16) {
        const ck_lanes x = CK_NAME(in_range)(CK_NAME(load)(scales + key), range, key, 0);
        // Scales are positive, so their bits are in their order, with what is not finite above all.
        const ck_int_lanes bits = CK_NAME(bits)(x) & 0x7fffffff;
        best = CK_NAME(select)(bits > CK_NAME(bits)(best), CK_NAME(floats)(bits), best);
    }
    int32_t largest = 0;
    for (int i = 0; i < 16; i++) largest = CK_NAME(bits)(best)[i] > largest ? CK_NAME(bits)(best)[i] : largest;
    return __builtin_bit_cast(float, largest);
}

/// `weigh` for int8: makes weights of whole scores, notes maximum and sum in `state`, and leaves the weights times the scales
/// of their values as 16-bit numbers in `to`; returns what one of these counts.
static float CK_NAME(weigh_whole)(
    const CK_NAME(attention_work) * w, int32_t row, float *scores, CK_NAME(key_range) range, float *state, int16_t *to) {
    const float *value_scales = w->scales + ck_attention_split_size;
    const int32_t first = range.from / 16 * 16;
    const float cap = w->tile->softcap * CK_LOG2_E;
    ck_lanes best = (ck_lanes)-__builtin_inff();
    for (int32_t key = first; key < range.to; key += 16) {
        const ck_int_lanes whole = *(const ck_int_lanes_memory *)(scores + key);
        ck_lanes x = __builtin_convertvector(whole, ck_lanes) * w->query_scales[row] * CK_NAME(load)(w->scales + key);
        if (cap > 0) x = CK_NAME(hyperbolic_tangent)(x) * cap;
        x = CK_NAME(in_range)(x, range, key, -__builtin_inff());
        CK_NAME(store)(scores + key, x);
        best = CK_NAME(larger)(x, best);
    }
    const float maximum = CK_NAME(largest_lane)(best);
    const float largest = CK_NAME(largest_scale)(value_scales, range);
    const bool is_finite = largest < __builtin_inff();
    const float inverse = is_finite && largest > 0x1p-100f ? 32767 / largest : 0;
    ck_lanes sum = (ck_lanes)0.0f;
    __builtin_memset(to, 0, ck_attention_split_size * sizeof(int16_t));
    for (int32_t key = first; key < range.to; key += 16) {
        const ck_lanes weight = CK_NAME(exp2_negative)(CK_NAME(load)(scores + key) - maximum);
        sum += weight;
        if (inverse == 0) continue;
        // What is not seen may have a scale that is not a number.
        const ck_lanes scale = CK_NAME(in_range)(CK_NAME(load)(value_scales + key), range, key, 0);
        const ck_lanes scaled = weight * (scale * inverse);
        // The sum has the nearest whole number in its low bits.
        const ck_lanes shifted = scaled + 0x1.8p23f;
        *(ck_short_memory *)(to + key) = __builtin_convertvector(CK_NAME(bits)(shifted) - 0x4b400000, ck_signed_shorts);
    }
    state[w->value_width] = maximum;
    state[w->value_width + 1] = CK_NAME(sum_of_lanes)(sum);
    return is_finite ? largest / 32767 : largest;
}

/// Weights as pairs of slots: for blocks of an odd size, whose last slot has no partner. `done` pairs are there already; adds
/// those of the keys `key ..< key + count`, the first of which is in `slot`.
static void CK_NAME(arrange_weights)(
    const CK_NAME(attention_work) * w, int32_t rows, int32_t done, int32_t key, int32_t slot, int32_t count) {
    for (int32_t r = 0; r < rows; r++) {
        int32_t *pairs = w->slot_pairs + (size_t)r * CK_NAME(score_stride) + done;
        const int32_t *weights = w->weight_pairs + (size_t)r * CK_NAME(weight_stride);
        __builtin_memset(pairs, 0, (size_t)((slot + count - 1) / 2 - slot / 2 + 1) * sizeof(int32_t));
        __builtin_memcpy((int16_t *)pairs + slot % 2, (const int16_t *)weights + key, (size_t)count * 2);
    }
}

/// Adds up the values of a split for `count` rows: whole sums, then times the rows' scales. Weights of keys that a row does
/// not see are 0, and 0 times a whole number is 0, whatever the key holds: so all rows take the same keys.
static void CK_NAME(gather_whole)(
    const CK_NAME(attention_work) * w, float *part, int32_t split, int32_t count, const float *scales,
    CK_NAME(key_range) range) {
    const ck_attention_cache *cache = w->cache;
    const int32_t origin = split * ck_attention_split_size, size = cache->block_size;
    const int32_t last = w->tile->first_position + w->tile->token_count - 1;
    const int32_t *table = w->tile->block_table;
    CK_NAME(pair_run) runs[ck_attention_split_size];
    CK_NAME(pair_operands) p = {.rows = count, .width = w->value_width, .runs = runs, .c = (int32_t *)part};
    p.a = size % 2 == 0 ? w->weight_pairs + range.from / 2 : w->slot_pairs;
    p.a_stride = size % 2 == 0 ? CK_NAME(weight_stride) : CK_NAME(score_stride);
    p.b_stride = 2 * (size_t)w->value_width;
    p.c_stride = w->stride;
    for (int32_t key = range.from, run, done = 0; key < range.to; key += run) {
        const int32_t slot = (origin + key) % size;
        run = range.to - key < size - slot ? range.to - key : size - slot;
        if (size % 2 == 1) CK_NAME(arrange_weights)(w, count, done, key, slot, run);
        const uint8_t *block = CK_NAME(head_block)(cache, table, w->tile->kv_head, origin + key);
        const uint8_t *b = block + cache->value_offset + (size_t)(slot / 2) * p.b_stride;
        // The keys of the next split come next, one pass later.
        const int32_t after = origin + key + ck_attention_split_size;
        const ptrdiff_t ahead = after <= last ? CK_NAME(head_block)(cache, table, w->tile->kv_head, after) - b : 0;
        const int32_t depth = (slot + run - 1) / 2 - slot / 2 + 1;
        runs[p.run_count++] = (CK_NAME(pair_run)){b, ahead, depth};
        done += depth;
    }
    CK_NAME(pair_product)(&p);
    for (int32_t r = 0; r < count; r++) {
        float *sums = part + (size_t)r * w->stride;
        for (int32_t d = 0; d < w->value_width; d += 16) {
            const ck_int_lanes whole = *(const ck_int_lanes_memory *)(sums + d);
            CK_NAME(store)(sums + d, __builtin_convertvector(whole, ck_lanes) * scales[r]);
        }
    }
}
