// A tile of queries over its splits: what ck_attention, ck_attention_partial and ck_attention_merge do. Needs
// attention.h.

/// Rows from `row` on, below `end`, that belong to the token of `row` and so see the same keys.
CK_INLINE int32_t CK_NAME(rows_of_token)(const ck_attention_tile *tile, int32_t row, int32_t end) {
    const int32_t next = (row / tile->group + 1) * tile->group;
    return (next < end ? next : end) - row;
}

/// Weighted sums of values for rows `row ..< row + count`, each over the keys it sees, in ascending order.
///
/// Keys that all rows see are taken together; those before and after, token by token. So no weight, not even zero,
/// ever meets a value that its row must not see.
static void CK_NAME(gather_visible)(
    const CK_NAME(attention_work) * w, float *part, int32_t split, int32_t row, int32_t count) {
    const ck_attention_tile *tile = w->tile;
    const CK_NAME(key_range) first = CK_NAME(visible)(tile, row, split);
    const CK_NAME(key_range) last = CK_NAME(visible)(tile, row + count - 1, split);
    // Ranges move up with the token, so the common part starts with the last and ends with the first.
    CK_NAME(key_range) common = {last.from, first.to};
    const bool has_common = common.from < common.to;
    for (int32_t r = 0, n; r < count; r += n) {
        n = CK_NAME(rows_of_token)(tile, row + r, row + count);
        CK_NAME(key_range) before = CK_NAME(visible)(tile, row + r, split);
        if (has_common) before.to = common.from;
        CK_NAME(gather)(w, part, split, r, n, before);
    }
    if (!has_common) return;
    CK_NAME(gather)(w, part, split, 0, count, common);
    for (int32_t r = 0, n; r < count; r += n) {
        n = CK_NAME(rows_of_token)(tile, row + r, row + count);
        CK_NAME(key_range) after = CK_NAME(visible)(tile, row + r, split);
        after.from = common.to;
        CK_NAME(gather)(w, part, split, r, n, after);
    }
}

/// The partial result of one split for rows `row ..< row + count`, count <= CK_ROWS. A row that sees none of the split
/// gets a weight sum of -1.
static void CK_NAME(split_rows)(
    const CK_NAME(attention_work) * w, float *part, int32_t split, int32_t row, int32_t count) {
    CK_NAME(key_range) all = {ck_attention_split_size, 0};
    for (int32_t r = 0; r < count; r++) {
        const CK_NAME(key_range) range = CK_NAME(visible)(w->tile, row + r, split);
        __builtin_memset(part + (size_t)r * w->stride, 0, w->stride * sizeof(float));
        if (range.from >= range.to) continue;
        if (range.from < all.from) all.from = range.from;
        if (range.to > all.to) all.to = range.to;
    }
    const bool is_whole = CK_NAME(is_whole)(w->cache->element);
    float whole_scales[CK_ROWS] = {0};
    if (all.from < all.to) {
        if (is_whole)
            CK_NAME(score_whole)(w, split, row, count, all);
        else
            CK_NAME(score)(w, split, row, count, all);
    }
    // All rows' maxima first: a row alone would wait for its own before it can go on.
    for (int32_t r = 0; r < count && is_whole; r++) {
        const CK_NAME(key_range) range = CK_NAME(visible)(w->tile, row + r, split);
        float *scores = w->scores + (size_t)r * CK_NAME(score_stride);
        if (range.from < range.to) CK_NAME(scale_whole)(w, row + r, scores, range, part + (size_t)r * w->stride);
    }
    for (int32_t r = 0; r < count; r++) {
        const CK_NAME(key_range) range = CK_NAME(visible)(w->tile, row + r, split);
        float *state = part + (size_t)r * w->stride;
        int16_t *weights = (int16_t *)(w->weight_pairs + (size_t)r * CK_NAME(weight_stride));
        if (range.from >= range.to) {
            state[w->value_width + 1] = -1.0f;
            if (is_whole) __builtin_memset(weights, 0, ck_attention_split_size * sizeof(int16_t));
            continue;
        }
        float *scores = w->scores + (size_t)r * CK_NAME(score_stride);
        if (is_whole)
            whole_scales[r] = CK_NAME(weigh_whole)(w, row + r, scores, range, state, weights);
        else
            CK_NAME(weigh)(w, scores, range, state);
    }
    if (all.from >= all.to) return;
    if (is_whole)
        CK_NAME(gather_whole)(w, part, split, count, whole_scales, all);
    else
        CK_NAME(gather_visible)(w, part, split, row, count);
}

/// Merges the state of a later split into the state over all earlier ones.
///
///     m = max(m₁, m₂), l = l₁ · 2^(m₁ − m) + l₂ · 2^(m₂ − m), and likewise the sums.
static void CK_NAME(merge_state)(float *total, const float *part, int32_t width) {
    if (part[width + 1] == -1.0f) return;
    if (total[width + 1] == -1.0f) {
        __builtin_memcpy(total, part, ((size_t)width + 2) * sizeof(float));
        return;
    }
    const float m = part[width] > total[width] ? part[width] : total[width];
    const ck_lanes old = CK_NAME(exp2_negative)((ck_lanes)(total[width] - m));
    const ck_lanes new = CK_NAME(exp2_negative)((ck_lanes)(part[width] - m));
    for (int32_t d = 0; d < width; d += 16) {
        const ck_lanes kept = CK_NAME(load)(total + d) * old;
        CK_NAME(store)(total + d, CK_NAME(multiply_add)(CK_NAME(load)(part + d), new, kept));
    }
    const ck_lanes kept = (ck_lanes)total[width + 1] * old;
    total[width] = m;
    total[width + 1] = CK_NAME(multiply_add)((ck_lanes)part[width + 1], new, kept)[0];
}

/// Divides a row's sums by its weight and writes its head of the output.
static void CK_NAME(finish_row)(
    const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t row, const float *state) {
    const int32_t width = cache->head_width, sum_index = CK_NAME(value_width)(cache) + 1;
    float *out = tile->output + row / tile->group * tile->output_stride + (ptrdiff_t)(row % tile->group) * width;
    const float inverse = 1.0f / state[sum_index];
    for (int32_t d = 0; d < width; d++) out[d] = state[d] * inverse;
}

/// Makes the states those of no keys at all.
CK_INLINE void CK_NAME(clear_states)(float *states, int32_t rows, size_t stride, int32_t width) {
    for (int32_t row = 0; row < rows; row++) states[(size_t)row * stride + (size_t)width + 1] = -1.0f;
}

/// Widens what any row of the tile sees of a split, unless it is read where it is, and fetches its scales.
static void CK_NAME(prepare_split)(CK_NAME(attention_work) * w, int32_t split) {
    const int32_t origin = split * ck_attention_split_size;
    const CK_NAME(key_range) first = CK_NAME(visible)(w->tile, 0, split);
    const CK_NAME(key_range) last = CK_NAME(visible)(w->tile, w->rows - 1, split);
    if (first.from >= last.to) return;
    if (CK_NAME(is_whole)(w->cache->element)) {
        CK_NAME(load_scales)(
            w->cache, w->tile->block_table, w->tile->kv_head, origin, origin + first.from, origin + last.to, w->scales);
        const CK_NAME(key_range) all = {0, ck_attention_split_size};
        w->largest_scale = CK_NAME(largest_scale)(w->scales + ck_attention_split_size, all);
        return;
    }
    if (w->is_narrow) return;
    CK_NAME(widen)(
        w->cache, w->tile->block_table, w->tile->kv_head, origin, origin + first.from, origin + last.to, w->keys,
        w->values);
}

void CK_NAME(ck_attention_partial)(
    const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t from, int32_t to, float *partials,
    float *scratch) {
    CK_NAME(attention_work) w = CK_NAME(attention_begin)(cache, tile, to, scratch);
    if (CK_NAME(is_whole)(cache->element)) CK_NAME(quantize_queries)(&w);
    for (int32_t split = from; split < to; split++) {
        CK_NAME(prepare_split)(&w, split);
        for (int32_t row = 0; row < w.rows; row += CK_ROWS) {
            const int32_t count = w.rows - row < CK_ROWS ? w.rows - row : CK_ROWS;
            const size_t index = (size_t)(split - from) * (size_t)w.rows + (size_t)row;
            CK_NAME(split_rows)(&w, partials + index * w.stride, split, row, count);
        }
    }
}

void CK_NAME(ck_attention)(const ck_attention_cache *cache, const ck_attention_tile *tile, float *scratch) {
    const int32_t end = ck_attention_end_split(tile);
    CK_NAME(attention_work) w = CK_NAME(attention_begin)(cache, tile, end, scratch);
    if (CK_NAME(is_whole)(cache->element)) CK_NAME(quantize_queries)(&w);
    CK_NAME(clear_states)(w.totals, w.rows, w.stride, w.value_width);
    for (int32_t split = ck_attention_first_split(tile); split < end; split++) {
        CK_NAME(prepare_split)(&w, split);
        for (int32_t row = 0; row < w.rows; row += CK_ROWS) {
            const int32_t count = w.rows - row < CK_ROWS ? w.rows - row : CK_ROWS;
            CK_NAME(split_rows)(&w, w.part, split, row, count);
            for (int32_t r = 0; r < count; r++) {
                float *total = w.totals + (size_t)(row + r) * w.stride;
                CK_NAME(merge_state)(total, w.part + (size_t)r * w.stride, w.value_width);
            }
        }
    }
    for (int32_t row = 0; row < w.rows; row++)
        CK_NAME(finish_row)(cache, tile, row, w.totals + (size_t)row * w.stride);
}

void CK_NAME(ck_attention_merge)(
    const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t split_count, float *partials) {
    const int32_t rows = tile->token_count * tile->group, width = CK_NAME(value_width)(cache);
    const size_t stride = ck_attention_partial_stride(cache);
    for (int32_t row = 0; row < rows; row++) {
        float *total = partials + (size_t)row * stride;
        for (int32_t split = 1; split < split_count; split++)
            CK_NAME(merge_state)(total, total + (size_t)split * (size_t)rows * stride, width);
        CK_NAME(finish_row)(cache, tile, row, total);
    }
}
