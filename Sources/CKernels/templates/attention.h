// Paged attention: see ck_attention.h for formula, layout and the determinism contract. Needs attention_product.h and
// attention_cache.h.

/// Floats from one row of scores to the next: off a power of two, or the rows of a tile fall into one cache set.
enum { CK_NAME(score_stride) = ck_attention_split_size + 16 };

/// Tiles of at most this many rows read the cache where it is; taller ones widen each split once.
enum { CK_NAME(narrow_rows) = 16 };

/// Pairs of weights from one row to the next.
enum { CK_NAME(weight_stride) = ck_attention_split_size / 2 + 16 };

/// A tile at work.
typedef struct {
    const ck_attention_cache *cache;
    const ck_attention_tile *tile;
    int32_t rows, width, value_width;
    /// Position after the last that is read.
    int32_t position_end;
    bool is_narrow;
    /// Floats of one row's state: `value_width` sums, then maximum and sum of weights.
    size_t stride;
    /// `[rows, width]`, times the scale.
    float *queries;
    /// `[rows, stride]`: over the splits so far.
    float *totals;
    /// `[CK_ROWS, stride]`: over the split in hand.
    float *part;
    /// `[CK_ROWS, score_stride]`: scores, then weights.
    float *scores;
    /// The split in hand, widened; unused when narrow.
    float *keys, *values;
    /// The rest for whole numbers only. Scales of the split's keys, then of its values, and the largest of these.
    float *scales;
    float largest_scale;
    /// `[rows, pairs of the width]`, and what one counts.
    int32_t *query_pairs;
    float *query_scales;
    /// `[CK_ROWS, weight_stride]`: two keys to a lane; and `[CK_ROWS, score_stride]`: two slots, where that is not the same.
    int32_t *weight_pairs, *slot_pairs;
} CK_NAME(attention_work);

/// Keys of a split that a row sees, from its start: `from ..< to`, empty when `from >= to`.
typedef struct {
    int32_t from, to;
} CK_NAME(key_range);

CK_INLINE CK_NAME(key_range) CK_NAME(visible)(const ck_attention_tile *tile, int32_t row, int32_t split) {
    const int32_t position = tile->first_position + row / tile->group;
    const int32_t origin = split * ck_attention_split_size;
    const int32_t lowest = tile->window > 0 && position >= tile->window ? position - tile->window + 1 : 0;
    CK_NAME(key_range) range = {lowest - origin, position + 1 - origin};
    if (range.from < 0) range.from = 0;
    if (range.to > ck_attention_split_size) range.to = ck_attention_split_size;
    return range;
}

static CK_NAME(attention_work) CK_NAME(attention_begin)(
    const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t end_split, float *scratch) {
    CK_NAME(attention_work) w = {.cache = cache, .tile = tile, .rows = tile->token_count * tile->group};
    w.width = cache->head_width;
    w.value_width = CK_NAME(value_width)(cache);
    w.position_end = tile->first_position + tile->token_count;
    if (w.position_end > end_split * ck_attention_split_size) w.position_end = end_split * ck_attention_split_size;
    w.is_narrow = w.rows <= CK_NAME(narrow_rows) && cache->block_size % 32 == 0;
    w.stride = ck_attention_partial_stride(cache);
    w.queries = scratch;
    w.totals = w.queries + (size_t)w.rows * (size_t)w.width;
    w.part = w.totals + (size_t)w.rows * w.stride;
    w.scores = w.part + 8 * w.stride;
    w.scales = w.scores + 8 * CK_NAME(score_stride);
    w.keys = w.scales + 2 * ck_attention_split_size;
    w.values = w.keys + (size_t)ck_attention_split_size * (size_t)w.width;
    // Whole numbers are never widened.
    w.weight_pairs = (int32_t *)w.keys;
    w.slot_pairs = w.weight_pairs + 8 * CK_NAME(weight_stride);
    w.query_scales = (float *)(w.slot_pairs + 8 * CK_NAME(score_stride));
    w.query_pairs = (int32_t *)(w.query_scales + w.rows);

    // Scores come out in base 2, or, with a soft cap, in units of the cap.
    const float scale = tile->softcap > 0 ? tile->scale / tile->softcap : tile->scale * CK_LOG2_E;
    for (int32_t row = 0; row < w.rows; row++) {
        const float *query = tile->queries + row / tile->group * tile->query_stride
            + (ptrdiff_t)(row % tile->group) * w.width;
        for (int32_t d = 0; d < w.width; d++) w.queries[(size_t)row * (size_t)w.width + (size_t)d] = query[d] * scale;
    }
    return w;
}

/// Turns a row of scores into weights exp2(score − maximum) and notes maximum and sum in `state`.
static void CK_NAME(weigh)(
    const CK_NAME(attention_work) * w, float *scores, CK_NAME(key_range) range, float *state) {
    const int32_t first = range.from / 16, end = (range.to + 15) / 16;
    const float cap = w->tile->softcap * CK_LOG2_E;
    ck_lanes best = (ck_lanes)-__builtin_inff();
    for (int32_t v = first; v < end; v++) {
        ck_lanes x = CK_NAME(load)(scores + 16 * v);
        if (cap > 0) x = CK_NAME(hyperbolic_tangent)(x) * cap;
        if (range.from > 16 * v || range.to < 16 * v + 16) {
            const ck_int_lanes seen = CK_NAME(lanes_within)(range.from - 16 * v, range.to - 16 * v);
            x = CK_NAME(select)(seen, x, (ck_lanes)-__builtin_inff());
        }
        CK_NAME(store)(scores + 16 * v, x);
        best = CK_NAME(larger)(x, best);
    }
    const float maximum = CK_NAME(largest_lane)(best);
    ck_lanes sum = (ck_lanes)0.0f;
    for (int32_t v = first; v < end; v++) {
        const ck_lanes weight = CK_NAME(exp2_negative)(CK_NAME(load)(scores + 16 * v) - maximum);
        CK_NAME(store)(scores + 16 * v, weight);
        sum += weight;
    }
    state[w->value_width] = maximum;
    state[w->value_width + 1] = CK_NAME(sum_of_lanes)(sum);
}

/// Scores of rows `row ..< row + count` for the groups of 32 keys that touch `range`.
static void CK_NAME(score)(
    const CK_NAME(attention_work) * w, int32_t split, int32_t row, int32_t count, CK_NAME(key_range) range) {
    const ck_attention_cache *cache = w->cache;
    const int32_t origin = split * ck_attention_split_size;
    const size_t bytes = CK_NAME(element_bytes)(cache);
    CK_NAME(product_operands) p = {.rows = count, .depth = w->width, .width = 32};
    p.a = w->queries + (size_t)row * (size_t)w->width;
    p.a_stride = (size_t)w->width;
    p.c_stride = CK_NAME(score_stride);
    p.b_stride = w->is_narrow ? (size_t)cache->block_size * bytes : 32 * sizeof(float);
    for (int32_t key = range.from / 32 * 32; key < range.to; key += 32) {
        const int32_t position = origin + key;
        p.c = w->scores + key;
        for (int32_t r = 0; r < count; r++) __builtin_memset(p.c + (size_t)r * p.c_stride, 0, 32 * sizeof(float));
        if (!w->is_narrow) {
            p.b = (const uint8_t *)(w->keys + (size_t)key * (size_t)w->width);
            CK_NAME(product)(ck_cache_f32, &p);
            continue;
        }
        const int32_t *table = w->tile->block_table;
        const uint8_t *block = CK_NAME(head_block)(cache, table, w->tile->kv_head, position);
        p.b = block + (size_t)(position % cache->block_size) * bytes;
        // The values of these keys come next, one pass later.
        p.ahead = block + cache->value_offset - p.b;
        CK_NAME(product)(cache->element, &p);
    }
}

/// Where the keys lie that are read a split after the `count` from `position` on, the tile's own or those of what comes after
/// it, and fetches their scales; NULL where there are none.
CK_INLINE const uint8_t *CK_NAME(block_ahead)(const CK_NAME(attention_work) * w, int32_t position, int32_t count) {
    const ck_attention_cache *cache = w->cache;
    const ck_attention_next *next = &w->tile->next;
    const int32_t *table = w->tile->block_table;
    int32_t kv_head = w->tile->kv_head, after = position + ck_attention_split_size;
    if (after >= w->position_end) {
        table = next->block_table;
        kv_head = next->kv_head;
        after = next->from + position % ck_attention_split_size;
        if (table == 0 || after >= next->to) return 0;
    }
    const uint8_t *block = CK_NAME(head_block)(cache, table, kv_head, after);
    if (CK_NAME(is_whole)(cache->element)) {
        const float *keys = CK_NAME(key_scales)(cache, block), *values = CK_NAME(value_scales)(cache, block);
        const int32_t slot = after % cache->block_size;
        for (int32_t i = slot; i < slot + count && i < cache->block_size; i += 16) {
            __builtin_prefetch(keys + i, 0, 3);
            __builtin_prefetch(values + i, 0, 3);
        }
    }
    return block;
}

/// Adds weights times values of the keys in `range` to the sums of rows `first ..< first + count` of the part in hand.
static void CK_NAME(gather)(
    const CK_NAME(attention_work) * w, float *part, int32_t split, int32_t first, int32_t count,
    CK_NAME(key_range) range) {
    const ck_attention_cache *cache = w->cache;
    const int32_t origin = split * ck_attention_split_size;
    const size_t bytes = CK_NAME(element_bytes)(cache);
    CK_NAME(product_operands) p = {.rows = count};
    p.a_stride = CK_NAME(score_stride);
    p.c_stride = w->stride;
    const float *weights = w->scores + (size_t)first * p.a_stride;
    float *sums = part + (size_t)first * w->stride;
    if (!w->is_narrow) {
        p.b_stride = 32 * sizeof(float);
        p.depth = range.to - range.from;
        p.a = weights + range.from;
        for (int32_t d = 0; d < w->value_width; d += 32) {
            p.b = (const uint8_t *)(w->values + (size_t)d * ck_attention_split_size + (size_t)range.from * 32);
            p.c = sums + d;
            p.width = w->value_width - d < 32 ? 16 : 32;
            CK_NAME(product)(ck_cache_f32, &p);
        }
        return;
    }
    p.b_stride = (size_t)w->value_width * bytes;
    p.width = w->value_width;
    p.c = sums;
    for (int32_t key = range.from; key < range.to; key += p.depth) {
        const int32_t position = origin + key, slot = position % cache->block_size;
        const int32_t room = cache->block_size - slot;
        p.depth = range.to - key < room ? range.to - key : room;
        p.a = weights + key;
        const int32_t *table = w->tile->block_table;
        const uint8_t *block = CK_NAME(head_block)(cache, table, w->tile->kv_head, position);
        p.b = block + cache->value_offset + (size_t)slot * p.b_stride;
        const uint8_t *after = CK_NAME(block_ahead)(w, position, p.depth);
        p.ahead = after ? after - p.b : 0;
        CK_NAME(product)(cache->element, &p);
    }
}
