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

/// Elements in a block of the type and its bytes; false for a type without blocks.
bool ck_block_shape(int32_t type, int32_t *elements, int32_t *bytes);

/// Reads group `group` of the blocks at `blocks` (groups count from the first block on).
void ck_read_group(int32_t type, const uint8_t *blocks, int64_t group, ck_stored_group *out);

/// The group's 32 weights as float32.
void ck_group_values(int32_t type, const ck_stored_group *group, float out[32]);

#endif
