#include "include/ck_attention.h"

#include <stdbool.h>

#include "dispatch.h"

CK_DECLARE(void, ck_attention, (const ck_attention_cache *, const ck_attention_tile *, float *))
CK_DECLARE(
    void, ck_attention_partial,
    (const ck_attention_cache *, const ck_attention_tile *, int32_t, int32_t, float *, float *))
CK_DECLARE(void, ck_attention_merge, (const ck_attention_cache *, const ck_attention_tile *, int32_t, float *))
CK_DECLARE(
    void, ck_cache_write,
    (const ck_attention_cache *, const int32_t *, int32_t, int32_t, const float *, const float *, ptrdiff_t))

#if defined(__x86_64__)
// VNNI has kernels of its own here, and nowhere else.
void ck_attention_avx512vnni(const ck_attention_cache *, const ck_attention_tile *, float *);
void ck_attention_partial_avx512vnni(
    const ck_attention_cache *, const ck_attention_tile *, int32_t, int32_t, float *, float *);
#define CK_DISPATCH_VNNI(set, name, arguments)                                                                     \
    if (set == ck_instruction_set_avx512vnni) return name##_avx512vnni arguments;                                  \
    CK_DISPATCH(set, name, arguments)
#else
#define CK_DISPATCH_VNNI CK_DISPATCH
#endif

/// Rows that the widest register tile takes.
enum { most_tile_rows = 8 };

static size_t rounded_width(const ck_attention_cache *cache) { return ((size_t)cache->head_width + 15) / 16 * 16; }

size_t ck_attention_partial_stride(const ck_attention_cache *cache) { return rounded_width(cache) + 16; }

size_t ck_attention_scratch_count(const ck_attention_cache *cache, int32_t row_count) {
    const size_t stride = ck_attention_partial_stride(cache);
    const size_t rows = (size_t)row_count * ((size_t)cache->head_width + stride);
    const size_t tile = most_tile_rows * (stride + ck_attention_split_size + 16);
    // Values are widened in panels of 32 dimensions.
    const size_t panels = (rounded_width(cache) + 31) / 32 * 32;
    const size_t widened = ck_attention_split_size * ((size_t)cache->head_width + panels);
    // Whole numbers: weights and queries as pairs instead.
    const size_t weights = most_tile_rows * (ck_attention_split_size / 2 + 16 + ck_attention_split_size + 16);
    const size_t pairs = weights + (size_t)row_count * ((size_t)cache->head_width / 2 + 2);
    const size_t scales = 2 * ck_attention_split_size;
    const bool is_whole = cache->element == ck_cache_i8 || cache->element == ck_cache_i16;
    return rows + tile + scales + (is_whole ? pairs : widened) + 16;
}

int32_t ck_attention_first_split(const ck_attention_tile *tile) {
    if (tile->window <= 0 || tile->first_position < tile->window) return 0;
    return (tile->first_position - tile->window + 1) / ck_attention_split_size;
}

int32_t ck_attention_end_split(const ck_attention_tile *tile) {
    return (tile->first_position + tile->token_count - 1) / ck_attention_split_size + 1;
}

void ck_attention(
    ck_instruction_set set, const ck_attention_cache *cache, const ck_attention_tile *tile, float *scratch) {
    CK_DISPATCH_VNNI(set, ck_attention, (cache, tile, scratch))
}

void ck_attention_partial(
    ck_instruction_set set, const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t from, int32_t to,
    float *partials, float *scratch) {
    CK_DISPATCH_VNNI(set, ck_attention_partial, (cache, tile, from, to, partials, scratch))
}

void ck_attention_merge(
    ck_instruction_set set, const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t split_count,
    float *partials) {
    CK_DISPATCH(set, ck_attention_merge, (cache, tile, split_count, partials))
}

void ck_cache_write(
    ck_instruction_set set, const ck_attention_cache *cache, const int32_t *block_table, int32_t first_position,
    int32_t token_count, const float *keys, const float *values, ptrdiff_t stride) {
    CK_DISPATCH(set, ck_cache_write, (cache, block_table, first_position, token_count, keys, values, stride))
}
