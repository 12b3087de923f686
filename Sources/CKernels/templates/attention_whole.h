// Attention over a cache of whole numbers. Keys and values stay whole: queries and weights become numbers of up to 16 bits, so
// both products multiply pairs of 16-bit integers, twice as many an instruction as floats. Sums are exact in 32 bits, whose
// limits attention_cache.h keeps: over the width of a head, and over the values of a split (int8) or of 32 positions of it
// (int16), whose sums are then added up as floats in ascending order. Exact sums have no order, so any blocking gives the
// same bits. Needs attention.h.

/// Sixteen pairs of elements as pairs of 16-bit integers.
CK_INLINE ck_int_lanes CK_NAME(load_pairs)(const uint8_t *p, const int32_t element) {
    if (element == ck_cache_i16) return *(const ck_int_lanes_memory *)p;
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
    /// Whether C is floats, to which the sums are added, instead of where they are put.
    bool adds_floats;
} CK_NAME(pair_operands);

/// Rows of a tile that is most likely the only one to read a split, and soon: what comes next is fetched into the nearest cache alone,
/// for more rows, which read it several times, into the one behind.
enum { CK_NAME(few_rows) = CK_ROWS - 1 };

CK_INLINE void CK_NAME(pair_tile)(
    const int rows, const int columns, const int32_t element, const CK_NAME(pair_operands) * p, int32_t column) {
    const size_t pair_bytes = 2 * CK_NAME(bytes_of)(element);
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
        const uint8_t *b = run.b + pair_bytes * (size_t)column;
        for (int32_t k = 0; k < run.depth; k++, a++, b += p->b_stride) {
            ck_int_lanes right[CK_COLUMNS];
#pragma clang loop unroll(full)
            for (size_t line = 0; line < 16 * pair_bytes * (size_t)columns; line += 64) {
                if (rows <= CK_NAME(few_rows))
                    __builtin_prefetch(b + run.ahead + line, 0, 0);
                else
                    __builtin_prefetch(b + run.ahead + line, 0, 1);
            }
#pragma clang loop unroll(full)
            for (int c = 0; c < columns; c++) 
                right[c] = CK_NAME(load_pairs)(b + 16 * pair_bytes * (size_t)c, element);
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
        for (int c = 0; c < columns; c++) {
            int32_t *place = to + (size_t)row * p->c_stride + 16 * c;
            if (p->adds_floats) {
                const ck_lanes more = __builtin_convertvector(sums[row][c], ck_lanes);
                CK_NAME(store)((float *)place, CK_NAME(load)((const float *)place) + more);
            } else {
                *(ck_int_lanes_memory *)place = sums[row][c];
            }
        }
    }
}

CK_INLINE void CK_NAME(pair_columns)(
    const int columns, const int32_t element, const CK_NAME(pair_operands) * p, int32_t column) {
#define CK_CASE(count)                                                                                             \
    case count:                                                                                                    \
        if (count <= CK_ROWS) CK_NAME(pair_tile)(count <= CK_ROWS ? count : 1, columns, element, p, column);       \
        return;
    switch (p->rows) { CK_CASE(1) CK_CASE(2) CK_CASE(3) CK_CASE(4) CK_CASE(5) CK_CASE(6) CK_CASE(7) CK_CASE(8) }
#undef CK_CASE
}

CK_INLINE void CK_NAME(pair_product_of)(const int32_t element, const CK_NAME(pair_operands) * p) {
    int32_t column = 0;
    for (; column + 16 * CK_COLUMNS <= p->width; column += 16 * CK_COLUMNS)
        CK_NAME(pair_columns)(CK_COLUMNS, element, p, column);
    for (; column < p->width; column += 16) CK_NAME(pair_columns)(1, element, p, column);
}

static void CK_NAME(pair_product)(int32_t element, const CK_NAME(pair_operands) * p) {
    if (element == ck_cache_i8)
        CK_NAME(pair_product_of)(ck_cache_i8, p);
    else
        CK_NAME(pair_product_of)(ck_cache_i16, p);
}

/// The tile's queries, times the scale of scores, as pairs with a scale for each row.
static void CK_NAME(quantize_queries)(const CK_NAME(attention_work) * w) {
    const size_t width = (size_t)w->width, pairs = (width + 1) / 2;
    const float limit = (float)CK_NAME(query_limit)(w->cache->element, w->width);
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
    const size_t pair_bytes = 2 * CK_NAME(element_bytes)(cache);
    p.b_stride = pair_bytes * (size_t)size;
    p.c_stride = CK_NAME(score_stride);
    for (int32_t key = range.from, run; key < range.to; key += run) {
        const int32_t slot = (origin + key) % size;
        run = range.to - key < size - slot ? range.to - key : size - slot;
        const uint8_t *block = CK_NAME(head_block)(cache, w->tile->block_table, w->tile->kv_head, origin + key);
        for (int32_t i = 0; i < run; i += 32) {
            p.width = run - i > 16 ? 32 : 16;
            keys.b = block + pair_bytes * (size_t)(slot + i);
            p.c = (int32_t *)w->scores + key + i;
            CK_NAME(pair_product)(cache->element, &p);
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
    ck_int_lanes best = (ck_int_lanes)0;
    for (int32_t key = range.from / 16 * 16; key < range.to; key += 16) {
        const ck_lanes x = CK_NAME(in_range)(CK_NAME(load)(scales + key), range, key, 0);
        // Scales are positive, so their bits are in their order, with what is not finite above all.
        const ck_int_lanes bits = CK_NAME(bits)(x) & 0x7fffffff;
        best = bits > best ? bits : best;
    }
    int32_t largest = 0;
    for (int i = 0; i < 16; i++) largest = best[i] > largest ? best[i] : largest;
    return __builtin_bit_cast(float, largest);
}

/// Whether a row sees the whole split.
CK_INLINE bool CK_NAME(sees_all)(CK_NAME(key_range) range) {
    return range.from == 0 && range.to == ck_attention_split_size;
}

/// Scores stay in units of the query's scale until they are exponents, unless a cap needs them before. A query of zeros has
/// scores of zero in any unit, but one of 0 would make no number of what is not seen, -infinity.
CK_INLINE float CK_NAME(score_unit)(const CK_NAME(attention_work) * w, int32_t row) {
    return w->tile->softcap > 0 || w->query_scales[row] == 0 ? 1 : w->query_scales[row];
}

/// Makes floats of a row's whole scores, in its unit, and returns the largest, times the unit. `sees_all` and `has_cap` are
/// constants where this is inlined.
CK_INLINE float CK_NAME(scale_scores)(
    const CK_NAME(attention_work) * w, const bool sees_all, const bool has_cap, int32_t row, float *scores,
    CK_NAME(key_range) range) {
    const int32_t first = sees_all ? 0 : range.from / 16 * 16, end = sees_all ? ck_attention_split_size : range.to;
    const float cap = w->tile->softcap * CK_LOG2_E, query_scale = w->query_scales[row];
    const float *key_scales = w->scales;
    ck_lanes best = (ck_lanes)-__builtin_inff();
    for (int32_t key = first; key < end; key += 16) {
        const ck_int_lanes whole = *(const ck_int_lanes_memory *)(scores + key);
        ck_lanes x = __builtin_convertvector(whole, ck_lanes) * CK_NAME(load)(key_scales + key);
        if (has_cap) x = CK_NAME(hyperbolic_tangent)(x * query_scale) * cap;
        if (!sees_all) x = CK_NAME(in_range)(x, range, key, -__builtin_inff());
        CK_NAME(store)(scores + key, x);
        best = CK_NAME(larger)(x, best);
    }
    return CK_NAME(largest_lane)(best) * CK_NAME(score_unit)(w, row);
}

/// Scales a row's scores and notes the largest in `state`.
static void CK_NAME(scale_whole)(
    const CK_NAME(attention_work) * w, int32_t row, float *scores, CK_NAME(key_range) range, float *state) {
    float *maximum = state + w->value_width;
    if (w->tile->softcap > 0)
        *maximum = CK_NAME(scale_scores)(w, false, true, row, scores, range);
    else if (CK_NAME(sees_all)(range))
        *maximum = CK_NAME(scale_scores)(w, true, false, row, scores, range);
    else
        *maximum = CK_NAME(scale_scores)(w, false, false, row, scores, range);
}

/// `weigh` over whole numbers: makes weights of scaled scores, notes their sum in `state`, and leaves the weights times
/// the scales of their values as 16-bit numbers in `to`; returns what one of these counts. `sees_all` is a constant where
/// this is inlined: whether the row sees the whole split.
CK_INLINE float CK_NAME(weigh_range)(
    const CK_NAME(attention_work) * w, const bool sees_all, int32_t row, const float *scores, CK_NAME(key_range) range,
    float *state, int16_t *to) {
    const float *value_scales = w->scales + ck_attention_split_size;
    const int32_t first = sees_all ? 0 : range.from / 16 * 16, end = sees_all ? ck_attention_split_size : range.to;
    const float unit = CK_NAME(score_unit)(w, row), maximum = state[w->value_width];
    const float largest = sees_all ? w->largest_scale : CK_NAME(largest_scale)(value_scales, range);
    const bool is_finite = largest < __builtin_inff();
    const float inverse = is_finite && largest > 0x1p-100f ? 32767 / largest : 0;
    ck_lanes sum = (ck_lanes)0.0f;
    if (!sees_all) __builtin_memset(to, 0, ck_attention_split_size * sizeof(int16_t));
    for (int32_t key = first; key < end; key += 16) {
        ck_lanes exponent =
            CK_NAME(multiply_add)(CK_NAME(load)(scores + key), (ck_lanes)unit, (ck_lanes)-maximum);
        // The largest score's is what its product was rounded by: above 0 it would let a weight of 1 overflow 16 bits.
        exponent = 0.0f < exponent ? (ck_lanes)0.0f : exponent;
        const ck_lanes weight = CK_NAME(exp2_rough)(exponent);
        sum += weight;
        // What is not seen may have a scale that is not a number.
        ck_lanes scale = CK_NAME(load)(value_scales + key);
        if (!sees_all) scale = CK_NAME(in_range)(scale, range, key, 0);
        // The sum has the nearest whole number in its low 16 bits.
        const ck_lanes shifted = weight * (scale * inverse) + 0x1.8p23f;
        *(ck_short_memory *)(to + key) = __builtin_convertvector(CK_NAME(bits)(shifted), ck_signed_shorts);
    }
    if (inverse == 0) __builtin_memset(to, 0, ck_attention_split_size * sizeof(int16_t));
    state[w->value_width + 1] = CK_NAME(sum_of_lanes)(sum);
    return is_finite ? largest / 32767 : largest;
}

static float CK_NAME(weigh_whole)(
    const CK_NAME(attention_work) * w, int32_t row, const float *scores, CK_NAME(key_range) range, float *state,
    int16_t *to) {
    if (CK_NAME(sees_all)(range))
        return CK_NAME(weigh_range)(w, true, row, scores, range, state, to);
    return CK_NAME(weigh_range)(w, false, row, scores, range, state, to);
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

/// Finds where the values of `keys` lie: a run for every block; returns how many. Where blocks are of an odd size also
/// arranges the weights.
static int32_t CK_NAME(find_runs)(
    const CK_NAME(attention_work) * w, int32_t split, int32_t rows, CK_NAME(key_range) keys, size_t stride,
    CK_NAME(pair_run) * runs) {
    const ck_attention_cache *cache = w->cache;
    const int32_t origin = split * ck_attention_split_size, size = cache->block_size;
    const int32_t *table = w->tile->block_table;
    int32_t run_count = 0;
    for (int32_t key = keys.from, run, done = 0; key < keys.to; key += run) {
        const int32_t slot = (origin + key) % size;
        run = keys.to - key < size - slot ? keys.to - key : size - slot;
        if (size % 2 == 1) CK_NAME(arrange_weights)(w, rows, done, key, slot, run);
        const uint8_t *block = CK_NAME(head_block)(cache, table, w->tile->kv_head, origin + key);
        const uint8_t *b = block + cache->value_offset + (size_t)(slot / 2) * stride;
        const uint8_t *after = CK_NAME(block_ahead)(w, origin + key, run);
        const ptrdiff_t ahead = after ? after - b : 0;
        const int32_t depth = (slot + run - 1) / 2 - slot / 2 + 1;
        runs[run_count++] = (CK_NAME(pair_run)){b, ahead, depth};
        done += depth;
    }
    return run_count;
}

/// Adds up the values of a split for `count` rows: whole sums, then times the rows' scales. Weights of keys that a row does
/// not see are 0, and 0 times a whole number is 0, whatever the key holds: so all rows take the same keys.
static void CK_NAME(gather_whole)(
    const CK_NAME(attention_work) * w, float *part, int32_t split, int32_t count, const float *scales,
    CK_NAME(key_range) range) {
    const ck_attention_cache *cache = w->cache;
    const int32_t limit = CK_NAME(value_run)(cache->element);
    const bool is_odd = cache->block_size % 2 == 1;
    CK_NAME(pair_run) runs[ck_attention_split_size];
    CK_NAME(pair_operands) p = {.rows = count, .width = w->value_width, .runs = runs, .c = (int32_t *)part};
    p.a_stride = is_odd ? CK_NAME(score_stride) : CK_NAME(weight_stride);
    p.b_stride = 2 * CK_NAME(element_bytes)(cache) * (size_t)w->value_width;
    p.c_stride = w->stride;
    p.adds_floats = limit < ck_attention_split_size;
    for (int32_t from = range.from; from < range.to;) {
        const int32_t end = (from / limit + 1) * limit;
        const CK_NAME(key_range) keys = {from, end < range.to ? end : range.to};
        p.run_count = CK_NAME(find_runs)(w, split, count, keys, p.b_stride, runs);
        p.a = is_odd ? w->slot_pairs : w->weight_pairs + from / 2;
        CK_NAME(pair_product)(cache->element, &p);
        from = keys.to;
    }
    for (int32_t r = 0; r < count; r++) {
        float *sums = part + (size_t)r * w->stride;
        for (int32_t d = 0; d < w->value_width; d += 16) {
            ck_lanes x = CK_NAME(load)(sums + d);
            if (!p.adds_floats) x = __builtin_convertvector((ck_int_lanes)CK_NAME(bits)(x), ck_lanes);
            CK_NAME(store)(sums + d, x * scales[r]);
        }
    }
}
