// Walks a range of rows and panels in tiles. Knows sizes, not instructions.
#ifndef CK_MATMUL_DRIVER_H
#define CK_MATMUL_DRIVER_H

#include "low_rank_implementations.h"
#include "panel_traits.h"

/// Floats from row to row in a tile's results: two panels.
enum { ck_tile_width = 32, ck_tile_most_rows = 8 };

/// Rows of a tile that pairs steps: its results stay in the first cache beside what it reads.
enum { ck_most_paired_rows = 96 };

/// Rows whose changes are found at a time.
enum { ck_most_changed_rows = 480 };

/// Changes of at most 16 ranks, the only one of a row, in codes of 5 and of 6 bits.
enum { ck_short_5 = 1, ck_short_6 = 2 };

/// What is added to a row of a product, found once for all panels of a task.
typedef struct {
    const ck_low_rank_segment *segment;  // NULL for nothing
    const uint8_t *b;                    // of panel 0
    const int8_t *t;                     // A x of the row, and its groups
    const ck_activation_group *groups;
    bool asks;       // whether the row's tile asks for B of the next panels: one of those that share it does
    uint8_t shorts;  // bits of `ck_short_5` and `ck_short_6`: both where there is nothing
} ck_row_change;

typedef struct ck_tile ck_tile;
typedef void (*ck_tile_function)(const ck_tile *);

/// What a tile function reads and writes.
struct ck_tile {
    const uint8_t *panel;
    int64_t panel_bytes, group_count;
    int64_t ahead;         // bytes from a panel to what is asked for while it is multiplied; 0 where tiles of one panel ask nothing
    const uint8_t *asked;  // what is asked for while `panel` is multiplied, as long as that; NULL for nothing, of one panel only
    const int8_t *x;
    int64_t x_stride;
    const ck_activation_group *groups;
    int64_t group_stride;
    const ck_pair_group *pair_groups;  // beside groups, or NULL
    int64_t row_count;                 // of a tile that pairs steps
    const float *x_floats;  // of float panels, instead of x and groups; x_stride counts floats then
    float *y;               // [rows, y_stride], whole panels wide
    int64_t y_stride;
    const float *bias;  // of the tile's outputs, or NULL
    bool accumulates;
    const ck_row_change *changes;      // of each row, or NULL
    const ck_low_rank_update *update;  // of the changes
    int64_t first_row, first_panel;    // of the tile among all, for the changes
    ck_tile_function paired;  // multiplies up to ck_most_paired_rows rows with two panels, pairing steps; or NULL
};

/// Tile functions of one type.
typedef struct {
    const ck_tile_function *single;  // [r - 1] multiplies r rows with one panel
    int32_t most_rows;               // of `single`
    const ck_tile_function *pair;    // [i] multiplies pair_rows[i] rows with two panels; NULL: all tiles have one panel
    const int32_t *pair_rows;        // the largest first, 1 last
} ck_tile_set;

/// Panels that tiles of a range have. Pairs load activations half as often, which pays where a product computes for longer
/// than it reads; few rows go faster through memory panel by panel.
static inline int64_t ck_most_panels(const ck_tile_set *set, ck_product_range range) {
    return set->pair && range.row_end - range.first_row > set->most_rows ? 2 : 1;
}

/// Rows of tiles that are as few as they can be, and of about one height: the first `larger` of them have one row more.
typedef struct {
    int64_t rows, larger;
} ck_heights;

static inline ck_heights ck_heights_of(int64_t rows, int64_t most) {
    if (rows <= most) return (ck_heights){rows, 0};
    const int64_t tiles = (rows + most - 1) / most;
    return (ck_heights){rows / tiles, rows % tiles};
}

/// Rows that are multiplied with a panel before the next panel's turn.
typedef struct {
    int64_t first_row, row_end;
    ck_heights heights, paired;  // of tiles of one panel, and of those that pair steps
} ck_row_block;

/// The function that multiplies the next of `left` rows with two panels, and their number.
static inline ck_tile_function ck_next_pair(const ck_tile_set *set, int64_t left, int64_t *rows) {
    int32_t i = 0;
    while (set->pair_rows[i] > left) i++;
    *rows = set->pair_rows[i];
    return set->pair[i];
}

/// Runs a tile whose last panel has fewer than 16 outputs: into a buffer first, then what there is of it to y.
static inline void ck_run_narrow_tile(
    ck_tile_function function, ck_tile tile, const int64_t shape[2], const ck_destination *y) {
    float results[ck_tile_most_rows * ck_tile_width] __attribute__((aligned(64)));
    float *to = tile.y;
    const float *bias = tile.bias;
    tile.y = results;
    tile.y_stride = ck_tile_width;
    tile.bias = 0;
    tile.accumulates = false;
    function(&tile);
    for (int64_t r = 0; r < shape[0]; r++) {
        for (int64_t i = 0; i < shape[1]; i++) {
            float value = results[r * ck_tile_width + i];
            if (bias) value += bias[i];
            if (y->accumulates) value += to[r * y->stride + i];
            to[r * y->stride + i] = value;
        }
    }
}

/// Rows of a block: about half of a level 2 cache of activations. Tiles that pair steps unpack codes once for all of their rows,
/// which for few rows costs more than what does not stay in that cache.
CK_INLINE int64_t ck_block_rows(int64_t row_bytes, bool pairs_steps) {
    const int64_t rows = 384 * 1024 / (row_bytes > 0 ? row_bytes : 1), least = pairs_steps ? 64 : 24;
    return rows < least ? least : rows / 24 * 24;
}

/// The changes in codes of each of the rows.
static inline void ck_find_changes(
    const ck_destination *y, const int64_t rows[2], ck_row_change changes[ck_most_changed_rows]) {
    for (int64_t row = rows[0]; row < rows[1]; row++) changes[row - rows[0]] = (ck_row_change){.shorts = ck_short_5 | ck_short_6};
    for (int32_t i = 0; i < y->update->segment_count; i++) {
        const ck_low_rank_segment *segment = y->update->segments + i;
        int32_t first = (int32_t)rows[0], end = (int32_t)rows[1];
        if (segment->first_row >= end) break;
        if (segment->first_output != y->first_output || segment->is_next) continue;
        if (!ck_has_codes(&segment->change) || !ck_clip_rows(segment, &first, &end)) continue;
        const bool is_short = segment->change.rank <= 16 && !segment->next;
        const int shorts = segment->change.element == ck_low_rank_i5 ? ck_short_5 : ck_short_6;
        for (int64_t row = first; row < end; row++) {
            const ck_activations t = ck_columns_of(y->update, segment, row);
            changes[row - rows[0]] = (ck_row_change){
                .segment = segment,
                .b = segment->change.b,
                .t = t.values,
                .groups = t.groups,
                .asks = row == segment->first_row,
                .shorts = (uint8_t)(is_short ? shorts : 0),
            };
        }
    }
}

/// The rows of one block against panels that stand side by side. `origin` points at row 0, and at the changes of the block's
/// first row; the tiles that functions see are made of it in `tile`.
static inline void ck_walk_rows(
    const ck_tile_set *set, const ck_tile *origin, ck_tile *tile, const ck_row_block *block, const int64_t columns[2],
    const ck_destination *y) {
    const int64_t output = columns[0], width = columns[1];
    const int64_t panel_count = (width + ck_panel_width - 1) / ck_panel_width;
    const bool pairs_steps = origin->paired && width == 2 * ck_panel_width;
    const ck_heights heights = pairs_steps ? block->paired : block->heights;
    int64_t tile_rows;
    tile->bias = y->bias ? y->bias + output : 0;
    for (int64_t row = block->first_row, index = 0; row < block->row_end; row += tile_rows, index++) {
        ck_tile_function function = origin->paired;
        tile_rows = heights.rows + (index < heights.larger);
        if (!pairs_steps) {
            function = panel_count == 1 ? set->single[tile_rows - 1]
                                        : ck_next_pair(set, block->row_end - row, &tile_rows);
        }
        if (origin->changes) {
            tile->changes = origin->changes + (row - block->first_row);
            tile->first_row = row;
        }
        tile->y = y->values + row * y->stride + output;
        if (origin->x_floats) {
            tile->x_floats = origin->x_floats + row * origin->x_stride;
        } else {
            tile->x = origin->x + row * origin->x_stride;
            tile->groups = origin->groups + row * origin->group_stride;
        }
        if (pairs_steps) {
            tile->pair_groups = origin->pair_groups + row * origin->group_stride;
            tile->row_count = tile_rows;
        }
        if (width % ck_panel_width == 0) {
            function(tile);
        } else {
            const int64_t shape[2] = {tile_rows, width};
            ck_run_narrow_tile(function, *tile, shape, y);
        }
        // The other tiles of a pair of panels ask again: what is asked for at once is more than the processor takes on.
        if (panel_count == 1) tile->asked = 0;
    }
}

/// What is asked for while panel `p` is multiplied.
CK_INLINE const uint8_t *ck_asked(const ck_panels *panels, const ck_tile *origin, ck_product_range range, int64_t p) {
    const uint8_t *panel = panels->bytes + p * panels->panel_bytes;
    const int64_t left = (range.share_end - p) * panels->panel_bytes;
    return range.following && left <= origin->ahead ? range.following + (origin->ahead - left) : panel + origin->ahead;
}

/// Multiplies all tiles of a range. `origin` holds what they have in common; x, groups and x_floats point at row 0.
static inline void ck_walk_tiles(
    const ck_tile_set *set, const ck_panels *panels, ck_tile origin, ck_destination y, ck_product_range range) {
    const int64_t row_bytes = origin.x_floats ? origin.x_stride * 4 : origin.x_stride + origin.group_stride * 16;
    const int64_t row_count = range.row_end - range.first_row;
    int64_t most_rows = row_count <= set->most_rows ? set->most_rows : ck_block_rows(row_bytes, origin.paired);
    ck_row_change changes[ck_most_changed_rows];
    if (y.update) {
        if (most_rows > ck_most_changed_rows) most_rows = ck_most_changed_rows;
        origin.changes = changes;
        origin.update = y.update;
    }
    const int64_t most_panels = ck_most_panels(set, range);
    origin.y_stride = y.stride;
    origin.accumulates = y.accumulates;
    ck_tile tile = origin;
    for (int64_t row = range.first_row; row < range.row_end; row += most_rows) {
        const int64_t end = row + most_rows < range.row_end ? row + most_rows : range.row_end;
        const int64_t rows[2] = {row, end};
        const ck_row_block block = {
            row, end, ck_heights_of(end - row, set->most_rows), ck_heights_of(end - row, ck_most_paired_rows)};
        if (y.update) ck_find_changes(&y, rows, changes);
        for (int64_t p = range.first_panel; p < range.panel_end;) {
            const int64_t output = p * ck_panel_width, left = panels->outputs - output;
            // A panel that is not whole is a tile of its own: beside it a whole one would add in another order than alone.
            const bool fits = p + most_panels <= range.panel_end && most_panels * ck_panel_width <= left;
            const int64_t panel_count = fits ? most_panels : 1;
            const int64_t whole = panel_count * ck_panel_width;
            const int64_t columns[2] = {output, left < whole ? left : whole};
            tile.panel = panels->bytes + p * panels->panel_bytes;
            tile.asked = panel_count == 1 && origin.ahead == 0 ? 0 : ck_asked(panels, &origin, range, p);
            tile.first_panel = p;
            ck_walk_rows(set, &origin, &tile, &block, columns, &y);
            p += panel_count;
        }
    }
}

#endif
