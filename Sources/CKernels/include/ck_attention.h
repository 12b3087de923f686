#ifndef CK_ATTENTION_H
#define CK_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "ck_instruction_set.h"

/// Paged attention over one layer of a KV cache.
///
///     out(t, h) = Σ_j p_j · V_j,   p_j = exp(s_j − max s) / Σ exp(s − max s),   s_j = scale · q(t, h) · K_j
///
/// over the keys j with `position(t) - window < j <= position(t)` (no lower end when `window` is 0). With a soft cap c > 0
/// s_j becomes c · tanh(s_j / c). Query head h reads KV head h / group.
///
/// How: keys are taken in splits of `ck_attention_split_size` positions, aligned to position 0. Within a split: all scores,
/// their maximum, all exponentials, their sum, the weighted sum of values. Splits are merged in ascending order by the
/// online softmax (Milakov & Gimelshein, arXiv:1805.02867; Dao, FlashAttention-2, arXiv:2307.08691; the split over
/// threads is that of Flash-Decoding). The heads that share a KV head, and the tokens of a tile, are the rows of small
/// matrix products.
///
/// Determinism: the result of a (token, head) depends on its query and on the keys and values it may see, and on nothing
/// else: not on the tile, on the other rows, on which of the two ways below computed it, nor on what masked or unused
/// slots hold (not even when that is not a number).

/// Element types of the cache. Values are those of `ElementType`.
enum { ck_cache_f32 = 0, ck_cache_f16 = 1, ck_cache_i8 = 24, ck_cache_i16 = 25, ck_cache_bf16 = 30 };

/// Keys of a split.
enum { ck_attention_split_size = 256 };

/// Where a layer's blocks are.
///
/// A block holds, for each KV head, K as `[headWidth, blockSize]` (so that the scores of neighbouring keys are
/// neighbouring lanes) and then V as `[blockSize, valueWidth]`, valueWidth being headWidth rounded up to 16 with zeros.
///
/// As int8 and int16, an element is a whole number of its token's scale, max |x| / limit over the head, and elements stand in
/// pairs as the products take them: K as `[headWidth / 2, blockSize, 2]`, V as `[blockSize / 2, valueWidth, 2]`, both rounded
/// up. K and V are each followed by `[blockSize]` scales in float32, on the next multiple of 4 bytes. The limit of int8 is 127;
/// that of int16 is as large as exact sums of products in 32 bits allow: 8191 for the keys of heads of up to 64 elements, 4095
/// up to 256, 2047 up to 1024, 1023 beyond, and 2047 for values. Queries and weights are rounded to at most 16 bits.
typedef struct {
    /// First byte of block 0.
    uint8_t *layer;
    /// Bytes from a block to the next, from a KV head to the next inside a block, and from a head's K to its V.
    size_t block_bytes, head_bytes, value_offset;
    /// One of `ck_cache_…`.
    int32_t element;
    /// Tokens of a block; any number, fast when it is a multiple of 32.
    int32_t block_size;
    int32_t head_width;
    int32_t kv_head_count;
} ck_attention_cache;

/// What the caller is likely to compute after a tile: positions `from ..< to` of a KV head, at most a split from its start on.
/// Their keys are fetched while the tile's last values are read. Changes no result; a `block_table` of NULL fetches nothing.
typedef struct {
    const int32_t *block_table;
    int32_t kv_head, from, to;
} ck_attention_next;

/// The query rows that one call computes: neighbouring tokens of one sequence, the heads of one KV head.
typedef struct {
    /// `[tokens, query_stride]`, of which the first `group · headWidth` floats of a row are the heads.
    const float *queries;
    /// As `queries`; must not overlap it.
    float *output;
    ptrdiff_t query_stride, output_stride;
    /// Block of positions `i · blockSize ..< (i + 1) · blockSize` at index i.
    const int32_t *block_table;
    int32_t kv_head, group, token_count;
    /// Position of the first token.
    int32_t first_position;
    /// A query sees itself and the `window - 1` positions before it; 0 sees all.
    int32_t window;
    float scale;
    /// 0 for none.
    float softcap;
    ck_attention_next next;
} ck_attention_tile;

/// Floats of scratch for a tile of `row_count = token_count · group` rows.
size_t ck_attention_scratch_count(const ck_attention_cache *cache, int32_t row_count);

/// Floats of one row's partial result.
size_t ck_attention_partial_stride(const ck_attention_cache *cache);

/// First split that any query of the tile sees, and the one after the last.
int32_t ck_attention_first_split(const ck_attention_tile *tile);
int32_t ck_attention_end_split(const ck_attention_tile *tile);

/// Computes a tile over all its keys and writes `output`.
void ck_attention(
    ck_instruction_set set, const ck_attention_cache *cache, const ck_attention_tile *tile, float *scratch);

/// Computes a tile over splits `from ..< to` only, so that threads can share one long context.
///
/// `partials`: `[to - from, rows, ck_attention_partial_stride]`, written.
void ck_attention_partial(
    ck_instruction_set set, const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t from, int32_t to,
    float *partials, float *scratch);

/// Merges the partial results of `split_count` splits, `[splits, rows, ck_attention_partial_stride]`, the tile's first
/// split first, and writes `output`. The same bits as `ck_attention`. Overwrites the partial results.
void ck_attention_merge(
    ck_instruction_set set, const ck_attention_cache *cache, const ck_attention_tile *tile, int32_t split_count,
    float *partials);

/// Writes the keys and values of neighbouring tokens into their blocks, all KV heads.
///
/// - keys, values: `[tokens, stride]`, of which the first `kvHeads · headWidth` floats of a row are the heads.
/// - f16 and bf16 round to nearest even; finite numbers too large for f16 become the largest one.
void ck_cache_write(
    ck_instruction_set set, const ck_attention_cache *cache, const int32_t *block_table, int32_t first_position,
    int32_t token_count, const float *keys, const float *values, ptrdiff_t stride);

#endif
