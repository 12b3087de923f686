// Addresses in the cache, writing into it, and widening a split of it to float32. Needs cache_elements.h.

CK_INLINE size_t CK_NAME(element_bytes)(const ck_attention_cache *cache) {
    return CK_NAME(bytes_of)(cache->element);
}

CK_INLINE int32_t CK_NAME(value_width)(const ck_attention_cache *cache) { return (cache->head_width + 15) / 16 * 16; }

/// First byte of the KV head's K in the block that holds `position`.
CK_INLINE uint8_t *CK_NAME(head_block)(
    const ck_attention_cache *cache, const int32_t *block_table, int32_t kv_head, int32_t position) {
    const size_t block = (size_t)block_table[position / cache->block_size];
    return cache->layer + block * cache->block_bytes + (size_t)kv_head * cache->head_bytes;
}

CK_INLINE void CK_NAME(put_element)(uint8_t *at, size_t index, const int32_t element, float x) {
    if (element == ck_cache_f32)
        ((float *)at)[index] = x;
    else
        ((uint16_t *)at)[index] = element == ck_cache_f16 ? CK_NAME(half_of)(x) : CK_NAME(brain_of)(x);
}

CK_INLINE float CK_NAME(get_element)(const uint8_t *at, size_t index, const int32_t element) {
    uint16_t padded[16] = {0};
    if (element == ck_cache_f32) return ((const float *)at)[index];
    padded[0] = ((const uint16_t *)at)[index];
    return CK_NAME(load_elements)(padded, element)[0];
}

/// Scales of a block's whole keys or values, one for each slot, behind so many of their bytes.
CK_INLINE float *CK_NAME(scales_behind)(const uint8_t *elements, size_t bytes) {
    return (float *)(elements + (bytes + 3) / 4 * 4);
}

CK_INLINE float *CK_NAME(key_scales)(const ck_attention_cache *cache, const uint8_t *block) {
    const size_t pairs = ((size_t)cache->head_width + 1) / 2, bytes = 2 * CK_NAME(element_bytes)(cache);
    return CK_NAME(scales_behind)(block, bytes * pairs * (size_t)cache->block_size);
}

CK_INLINE float *CK_NAME(value_scales)(const ck_attention_cache *cache, const uint8_t *block) {
    const size_t pairs = ((size_t)cache->block_size + 1) / 2, bytes = 2 * CK_NAME(element_bytes)(cache);
    return CK_NAME(scales_behind)(block + cache->value_offset, bytes * pairs * (size_t)CK_NAME(value_width)(cache));
}

/// What one counts when the largest magnitude of `x` is `limit`, and the factor to whole numbers: 0 for a vector that is all but
/// zero, whose scale is 0, and for one that is not finite, whose scale is not finite either: so it spoils itself only.
CK_INLINE float CK_NAME(whole_scale)(const float *x, size_t width, float limit, float *inverse) {
    uint32_t largest = 0;
    for (size_t d = 0; d < width; d++) {
        const uint32_t magnitude = __builtin_bit_cast(uint32_t, x[d]) & 0x7fffffff;
        if (magnitude > largest) largest = magnitude;
    }
    const float most = __builtin_bit_cast(float, largest);
    // Below this the inverse could overflow.
    const bool is_zero = largest < 0x04000000;
    *inverse = is_zero || largest >= 0x7f800000 ? 0 : limit / most;
    return is_zero ? 0 : most / limit;
}

/// x · inverse, rounded to nearest, ties to even; 0 when `inverse` is.
CK_INLINE int32_t CK_NAME(whole)(float x, float inverse) {
    // Two statements, which are never contracted; the sum has the rounded number in its low bits.
    const float scaled = inverse == 0 ? 0 : x * inverse;
    const float shifted = scaled + 0x1.8p23f;
    return __builtin_bit_cast(int32_t, shifted) - 0x4b400000;
}

/// The largest whole number of a key.
CK_INLINE int32_t CK_NAME(key_limit)(const int32_t element, int32_t width) {
    if (element == ck_cache_i8) return 127;
    return width <= 64 ? 8191 : width <= 256 ? 4095 : width <= 1024 ? 2047 : 1023;
}

/// The largest whole number of a query's element: as many products of it with a key's as the head is wide stay below 2^31.
CK_INLINE int32_t CK_NAME(query_limit)(const int32_t element, int32_t width) {
    const int64_t limit = INT32_MAX / ((int64_t)CK_NAME(key_limit)(element, width) * width);
    return limit > 32767 ? 32767 : (int32_t)limit;
}

/// Positions whose values are summed in 32 bits, 32767 being the largest weight, and the largest whole number of a value.
CK_INLINE int32_t CK_NAME(value_run)(const int32_t element) {
    return element == ck_cache_i8 ? ck_attention_split_size : 32;
}
CK_INLINE int32_t CK_NAME(value_limit)(const int32_t element) { return element == ck_cache_i8 ? 127 : 2047; }

/// Elements that are made whole at a time, and then put in their places.
enum { CK_NAME(whole_run) = 64 };

/// Up to a run of elements of `x`, of which there are `width` from `first` on, as whole numbers; 0 beyond.
CK_INLINE void CK_NAME(make_whole)(const float *x, size_t first, size_t width, float inverse, int16_t *to) {
    const size_t count = width - first < CK_NAME(whole_run) ? width - first : CK_NAME(whole_run);
    if (count == CK_NAME(whole_run)) {
        for (size_t d = 0; d < CK_NAME(whole_run); d++) to[d] = (int16_t)CK_NAME(whole)(x[first + d], inverse);
        return;
    }
    for (size_t d = 0; d < CK_NAME(whole_run); d++)
        to[d] = d < count ? (int16_t)CK_NAME(whole)(x[first + d], inverse) : 0;
}

/// Puts a key into slot `at` of a block: pairs of elements, one for every slot.
CK_INLINE void CK_NAME(put_key)(
    uint8_t *block, const int32_t element, size_t at, size_t size, const float *x, size_t width, float inverse) {
    int16_t whole[CK_NAME(whole_run)];
    for (size_t first = 0; first < width; first += CK_NAME(whole_run)) {
        const size_t end = width - first < CK_NAME(whole_run) ? (width - first + 1) / 2 * 2 : CK_NAME(whole_run);
        CK_NAME(make_whole)(x, first, width, inverse, whole);
        for (size_t d = 0; d < end; d += 2) {
            const size_t pair = (first + d) / 2 * size + at;
            if (element == ck_cache_i8) {
                block[2 * pair] = (uint8_t)whole[d];
                block[2 * pair + 1] = (uint8_t)whole[d + 1];
            } else {
                __builtin_memcpy(block + 4 * pair, whole + d, 4);
            }
        }
    }
}

/// Puts a value into slot `at` of a block: every element beside that of the slot's neighbour, zeros past the width.
CK_INLINE void CK_NAME(put_value)(
    uint8_t *block, const int32_t element, size_t at, size_t value_width, const float *x, size_t width, float inverse) {
    int16_t whole[CK_NAME(whole_run)];
    const size_t place = at / 2 * 2 * value_width + at % 2;
    for (size_t first = 0; first < value_width; first += CK_NAME(whole_run)) {
        const size_t left = value_width - first;
        CK_NAME(make_whole)(x, first, width, inverse, whole);
        for (size_t d = 0; d < CK_NAME(whole_run) && d < left; d++) {
            const size_t index = place + 2 * (first + d);
            if (element == ck_cache_i8)
                block[index] = (uint8_t)whole[d];
            else
                ((int16_t *)block)[index] = whole[d];
        }
    }
}

/// `write_run` for whole numbers.
CK_INLINE void CK_NAME(write_run_whole)(
    const ck_attention_cache *cache, const int32_t element, uint8_t *block, int32_t slot, int32_t count,
    const float *keys, const float *values, ptrdiff_t stride) {
    const size_t width = (size_t)cache->head_width, size = (size_t)cache->block_size;
    const size_t value_width = (size_t)CK_NAME(value_width)(cache);
    const float key_limit = (float)CK_NAME(key_limit)(element, cache->head_width);
    const float value_limit = (float)CK_NAME(value_limit)(element);
    float *key_scales = CK_NAME(key_scales)(cache, block), *value_scales = CK_NAME(value_scales)(cache, block);
    uint8_t *value_block = block + cache->value_offset;
    for (int32_t token = 0; token < count; token++) {
        const size_t at = (size_t)(slot + token);
        const float *k = keys + token * stride, *v = values + token * stride;
        float inverse;
        key_scales[at] = CK_NAME(whole_scale)(k, width, key_limit, &inverse);
        CK_NAME(put_key)(block, element, at, size, k, width, inverse);
        value_scales[at] = CK_NAME(whole_scale)(v, width, value_limit, &inverse);
        CK_NAME(put_value)(value_block, element, at, value_width, v, width, inverse);
    }
}

CK_INLINE void CK_NAME(copy_floats)(float *to, const float *from, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) CK_NAME(store)(to + i, CK_NAME(load)(from + i));
    if (i < count) CK_NAME(store_some)(to + i, CK_NAME(load_some)(from + i, (size_t)(count - i), 0.0f), (size_t)(count - i));
}

/// Scales of the positions `from ..< to` of a split that starts at `origin`: keys, then values, a split of each.
static void CK_NAME(load_scales)(
    const ck_attention_cache *cache, const int32_t *block_table, int32_t kv_head, int32_t origin, int32_t from,
    int32_t to, float *scales) {
    __builtin_memset(scales, 0, 2 * ck_attention_split_size * sizeof(float));
    const int32_t size = cache->block_size;
    for (int32_t position = from, count; position < to; position += count) {
        const int32_t slot = position % size, room = size - slot;
        count = to - position < room ? to - position : room;
        const uint8_t *block = CK_NAME(head_block)(cache, block_table, kv_head, position);
        const float *keys = CK_NAME(key_scales)(cache, block), *values = CK_NAME(value_scales)(cache, block);
        float *target = scales + (position - origin);
        CK_NAME(copy_floats)(target, keys + slot, count);
        CK_NAME(copy_floats)(target + ck_attention_split_size, values + slot, count);
    }
}

/// Writes tokens that share a block, one KV head. `slot`: of the first token in the block.
CK_INLINE void CK_NAME(write_run)(
    const ck_attention_cache *cache, const int32_t element, uint8_t *block, int32_t slot, int32_t count,
    const float *keys, const float *values, ptrdiff_t stride) {
    const size_t width = (size_t)cache->head_width;
    const size_t value_width = (size_t)CK_NAME(value_width)(cache);
    for (size_t d = 0; d < width; d++) {
        for (int32_t token = 0; token < count; token++) {
            const size_t index = d * (size_t)cache->block_size + (size_t)(slot + token);
            CK_NAME(put_element)(block, index, element, keys[token * stride + (ptrdiff_t)d]);
        }
    }
    uint8_t *value_block = block + cache->value_offset;
    for (int32_t token = 0; token < count; token++) {
        const size_t first = (size_t)(slot + token) * value_width;
        for (size_t d = 0; d < width; d++)
            CK_NAME(put_element)(value_block, first + d, element, values[token * stride + (ptrdiff_t)d]);
        for (size_t d = width; d < value_width; d++) CK_NAME(put_element)(value_block, first + d, element, 0.0f);
    }
}

void CK_NAME(ck_cache_write)(
    const ck_attention_cache *cache, const int32_t *block_table, int32_t first_position, int32_t token_count,
    const float *keys, const float *values, ptrdiff_t stride) {
    for (int32_t done = 0; done < token_count;) {
        const int32_t position = first_position + done;
        const int32_t slot = position % cache->block_size;
        const int32_t room = cache->block_size - slot;
        const int32_t count = token_count - done < room ? token_count - done : room;
        for (int32_t head = 0; head < cache->kv_head_count; head++) {
            uint8_t *block = CK_NAME(head_block)(cache, block_table, head, position);
            const ptrdiff_t from = done * stride + (ptrdiff_t)head * cache->head_width;
            const float *k = keys + from, *v = values + from;
            switch (cache->element) {
            case ck_cache_f16: CK_NAME(write_run)(cache, ck_cache_f16, block, slot, count, k, v, stride); break;
            case ck_cache_bf16: CK_NAME(write_run)(cache, ck_cache_bf16, block, slot, count, k, v, stride); break;
            case ck_cache_i8: CK_NAME(write_run_whole)(cache, ck_cache_i8, block, slot, count, k, v, stride); break;
            case ck_cache_i16: CK_NAME(write_run_whole)(cache, ck_cache_i16, block, slot, count, k, v, stride); break;
            default: CK_NAME(write_run)(cache, ck_cache_f32, block, slot, count, k, v, stride); break;
            }
        }
        done += count;
    }
}

/// Widens K of the positions `from ..< to` of a split that starts at `origin`: `[groups of 32 keys, headWidth, 32]`.
CK_INLINE void CK_NAME(widen_keys)(
    const ck_attention_cache *cache, const int32_t element, const int32_t *block_table, int32_t kv_head,
    int32_t origin, int32_t from, int32_t to, float *keys) {
    const int32_t width = cache->head_width, size = cache->block_size;
    const size_t bytes = CK_NAME(bytes_of)(element);
    if (size % 32 == 0) {
        for (int32_t position = from / 32 * 32; position < to; position += 32) {
            const uint8_t *block = CK_NAME(head_block)(cache, block_table, kv_head, position);
            const uint8_t *source = block + (size_t)(position % size) * bytes;
            float *target = keys + (size_t)(position - origin) * (size_t)width;
            for (int32_t d = 0; d < width; d++, source += (size_t)size * bytes, target += 32) {
                CK_NAME(store)(target, CK_NAME(load_elements)(source, element));
                CK_NAME(store)(target + 16, CK_NAME(load_elements)(source + 16 * bytes, element));
            }
        }
        return;
    }
    for (int32_t position = from; position < to; position++) {
        const uint8_t *block = CK_NAME(head_block)(cache, block_table, kv_head, position);
        const int32_t key = position - origin;
        float *target = keys + (size_t)(key / 32) * 32 * (size_t)width + key % 32;
        for (int32_t d = 0; d < width; d++)
            target[32 * d] = CK_NAME(get_element)(block, (size_t)(d * size + position % size), element);
    }
}

/// Widens V of the positions `from ..< to`: panels of 32 dimensions, `[panels, split, 32]`.
CK_INLINE void CK_NAME(widen_values)(
    const ck_attention_cache *cache, const int32_t element, const int32_t *block_table, int32_t kv_head,
    int32_t origin, int32_t from, int32_t to, float *values) {
    const int32_t width = CK_NAME(value_width)(cache);
    const size_t bytes = CK_NAME(bytes_of)(element);
    for (int32_t position = from; position < to; position++) {
        const uint8_t *block = CK_NAME(head_block)(cache, block_table, kv_head, position) + cache->value_offset;
        const uint8_t *source = block + (size_t)(position % cache->block_size) * (size_t)width * bytes;
        float *target = values + (size_t)(position - origin) * 32;
        for (int32_t d = 0; d < width; d += 16) {
            float *panel = target + (size_t)(d / 32) * 32 * ck_attention_split_size + d % 32;
            CK_NAME(store)(panel, CK_NAME(load_elements)(source + (size_t)d * bytes, element));
        }
    }
}

/// Both, for the element type of the cache.
static void CK_NAME(widen)(
    const ck_attention_cache *cache, const int32_t *block_table, int32_t kv_head, int32_t origin, int32_t from,
    int32_t to, float *keys, float *values) {
#define CK_WIDEN(element)                                                                                          \
    case element:                                                                                                  \
        CK_NAME(widen_keys)(cache, element, block_table, kv_head, origin, from, to, keys);                         \
        CK_NAME(widen_values)(cache, element, block_table, kv_head, origin, from, to, values);                     \
        return;
    switch (cache->element) {
        CK_WIDEN(ck_cache_f32)
        CK_WIDEN(ck_cache_f16)
        CK_WIDEN(ck_cache_bf16)
    }
#undef CK_WIDEN
}
