// Reads the stored blocks of every type, one group of 32 elements at a time.
#ifndef CK_DEQUANTIZE_GROUPS_H
#define CK_DEQUANTIZE_GROUPS_H

#include "panel_traits.h"

/// One group as stored. Scales and mins are kept in the form a panel keeps them; unused fields are unspecified.
typedef struct {
    uint8_t codes[32];    // raised by the type's zero; for table types, the index
    uint16_t scale, min;  // bits of the group's (or its block's) half or bfloat16; the min with the sign it is added with
    uint8_t steps[2], min_steps[2];  // of scale_block8: one per half group, or [0] only
} ck_stored_group;

// Block layouts: those of the reference writer, `gguf.quants`. A block type's fields stand in the order of the comments.

/// Elements in a block of the type and its bytes; false for a type without blocks.
CK_INLINE bool ck_block_shape(int32_t type, int32_t *elements, int32_t *bytes) {
    *elements = 32;
    switch (type) {
    case ck_type_q4_0: *bytes = 18; return true;
    case ck_type_q4_1: *bytes = 20; return true;
    case ck_type_q5_0: *bytes = 22; return true;
    case ck_type_q5_1: *bytes = 24; return true;
    case ck_type_q8_0: *bytes = 34; return true;
    case ck_type_iq4_nl: *bytes = 18; return true;
    case ck_type_mxfp4: *bytes = 17; return true;
    }
    *elements = 256;
    switch (type) {
    case ck_type_q2_k: *bytes = 84; return true;
    case ck_type_q3_k: *bytes = 110; return true;
    case ck_type_q4_k: *bytes = 144; return true;
    case ck_type_q5_k: *bytes = 176; return true;
    case ck_type_q6_k: *bytes = 210; return true;
    }
    return false;
}

/// 16 bytes to 32 codes: low halves first.
CK_INLINE void split_nibbles(const uint8_t *from, uint8_t codes[32]) {
    for (int i = 0; i < 16; i++) {
        codes[i] = from[i] & 15;
        codes[i + 16] = from[i] >> 4;
    }
}

/// Adds bit `i` of the 32 at `from` to code `i` as its fifth.
CK_INLINE void add_fifth_bits(const uint8_t *from, uint8_t codes[32]) {
    for (int i = 0; i < 32; i++) codes[i] |= (uint8_t)((from[i / 8] >> (i % 8) & 1) << 4);
}

/// Scale and min of group `g` out of the 12 bytes of Q4_K and Q5_K, 6 bits each.
CK_INLINE void read_six_bits(const uint8_t *from, int g, ck_stored_group *out) {
    if (g < 4) {
        out->steps[0] = from[g] & 63;
        out->min_steps[0] = from[g + 4] & 63;
    } else {
        out->steps[0] = (from[g + 4] & 15) | (from[g - 4] >> 6 << 4);
        out->min_steps[0] = from[g + 4] >> 4 | (from[g] >> 6 << 4);
    }
}

// scales[16] qs[64] d dmin
CK_INLINE void read_q2_k(const uint8_t *block, int g, ck_stored_group *out) {
    const uint8_t *quants = block + 16 + g / 4 * 32;
    for (int i = 0; i < 32; i++) out->codes[i] = quants[i] >> (g % 4 * 2) & 3;
    for (int h = 0; h < 2; h++) {
        out->steps[h] = block[2 * g + h] & 15;
        out->min_steps[h] = block[2 * g + h] >> 4;
    }
    out->scale = ck_load_u16(block + 80);
    out->min = ck_load_u16(block + 82) ^ 0x8000;
}

// hmask[32] qs[64] scales[12] d; the code's third bit counts when its mask bit is set
CK_INLINE void read_q3_k(const uint8_t *block, int g, ck_stored_group *out) {
    const uint8_t *quants = block + 32 + g / 4 * 32;
    const uint8_t *scales = block + 96;
    for (int i = 0; i < 32; i++)
        out->codes[i] = (uint8_t)((quants[i] >> (g % 4 * 2) & 3) | (block[i] >> g & 1) << 2);
    for (int h = 0; h < 2; h++) {
        const int index = 2 * g + h;
        const int low = scales[index % 8] >> (index / 8 * 4) & 15;
        const int high = scales[8 + index % 4] >> (index / 4 * 2) & 3;
        out->steps[h] = (uint8_t)((low | high << 4) - 32);
    }
    out->scale = ck_load_u16(block + 108);
}

// d dmin scales[12] (qh[32]) qs[128]
CK_INLINE void read_q4_k_or_q5_k(const uint8_t *block, int g, bool has_fifth, ck_stored_group *out) {
    const uint8_t *quants = block + (has_fifth ? 48 : 16) + g / 2 * 32;
    for (int i = 0; i < 32; i++) out->codes[i] = quants[i] >> (g % 2 * 4) & 15;
    if (has_fifth)
        for (int i = 0; i < 32; i++) out->codes[i] |= (uint8_t)((block[16 + i] >> g & 1) << 4);
    read_six_bits(block + 4, g, out);
    out->scale = ck_load_u16(block);
    out->min = ck_load_u16(block + 2) ^ 0x8000;
}

// ql[128] qh[64] scales[16] d
CK_INLINE void read_q6_k(const uint8_t *block, int g, ck_stored_group *out) {
    const uint8_t *low = block + g / 4 * 64 + g % 2 * 32;
    const uint8_t *high = block + 128 + g / 4 * 32;
    for (int i = 0; i < 32; i++)
        out->codes[i] = (uint8_t)((low[i] >> (g % 4 / 2 * 4) & 15) | (high[i] >> (g % 4 * 2) & 3) << 4);
    out->steps[0] = block[192 + 2 * g];
    out->steps[1] = block[193 + 2 * g];
    out->scale = ck_load_u16(block + 208);
}

CK_INLINE uint16_t scale_of_exponent(uint8_t e) {
    // 2^(e - 128) in bfloat16: half the e8m0 value, because the table holds doubled codes. Exact, denormals included.
    return e < 2 ? (uint16_t)(0x20 << e) : (uint16_t)((e - 1) << 7);
}

/// Reads group `group` of the blocks at `blocks` (groups count from the first block on).
CK_INLINE void ck_read_group(int32_t type, const uint8_t *blocks, int64_t group, ck_stored_group *out) {
    int32_t elements = 32, bytes = 0;
    ck_block_shape(type, &elements, &bytes);
    const uint8_t *block = blocks + group / (elements / 32) * bytes;
    const int inside = (int)(group % (elements / 32));
    switch (type) {
    case ck_type_mxfp4:
        out->scale = scale_of_exponent(block[0]);
        return split_nibbles(block + 1, out->codes);
    case ck_type_q2_k: return read_q2_k(block, inside, out);
    case ck_type_q3_k: return read_q3_k(block, inside, out);
    case ck_type_q4_k: return read_q4_k_or_q5_k(block, inside, false, out);
    case ck_type_q5_k: return read_q4_k_or_q5_k(block, inside, true, out);
    case ck_type_q6_k: return read_q6_k(block, inside, out);
    }
    out->scale = ck_load_u16(block);
    switch (type) {
    case ck_type_q4_1:  // d m qs[16]
        out->min = ck_load_u16(block + 2);
        return split_nibbles(block + 4, out->codes);
    case ck_type_q5_0:  // d qh[4] qs[16]
        split_nibbles(block + 6, out->codes);
        return add_fifth_bits(block + 2, out->codes);
    case ck_type_q5_1:  // d m qh[4] qs[16]
        out->min = ck_load_u16(block + 2);
        split_nibbles(block + 8, out->codes);
        return add_fifth_bits(block + 4, out->codes);
    case ck_type_q8_0:  // d qs[32]
        for (int i = 0; i < 32; i++) out->codes[i] = block[2 + i] ^ 0x80;
        return;
    default:  // d qs[16]: Q4_0 and IQ4_NL
        return split_nibbles(block + 2, out->codes);
    }
}

/// The group's 32 weights as float32.
void ck_group_values(int32_t type, const ck_stored_group *group, float out[32]);

#endif
