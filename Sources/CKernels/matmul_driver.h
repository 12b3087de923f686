// Walks a range of rows and panels in tiles. Knows sizes, not instructions.
#ifndef CK_MATMUL_DRIVER_H
#define CK_MATMUL_DRIVER_H

#include "panel_traits.h"

/// Floats from row to row in a tile's results: two panels.
enum { ck_tile_width = 32, ck_tile_most_rows = 8 };

/// What a tile function reads and writes.
typedef struct {
    const uint8_t *panel;
    int64_t panel_bytes, group_count;
    const int8_t *x;
    int64_t x_stride;
    const ck_activation_group *groups;
    int64_t group_stride;
    const float *x_floats;  // of float panels, instead of x and groups; x_stride counts floats then
    float *results;         // [rows, ck_tile_width]
} ck_tile;

typedef void (*ck_tile_function)(const ck_tile *);

/// Tile functions of one type: [i][p - 1] computes `row_counts[i]` rows with p panels; the largest count first, 1 last.
typedef struct {
    const int32_t *row_counts;
    const ck_tile_function (*functions)[2];
    int32_t most_panels;
} ck_tile_set;

CK_INLINE void ck_store_results(
    const float *results, ck_destination y, const int64_t shape[2], int64_t row, int64_t output) {
    for (int64_t r = 0; r < shape[0]; r++) {
        float *to = y.values + (row + r) * y.stride + output;
        const float *from = results + r * ck_tile_width;
        for (int64_t i = 0; i < shape[1]; i++) {
            float value = from[i];
            if (y.bias) value += y.bias[output + i];
            if (y.accumulates) value += to[i];
            to[i] = value;
        }
    }
}

/// Rows that are multiplied with a panel before the next panel's turn: about half of a level 2 cache of activations.
CK_INLINE int64_t ck_row_block(int64_t row_bytes) {
    const int64_t rows = 384 * 1024 / (row_bytes > 0 ? row_bytes : 1);
    return rows < 24 ? 24 : rows / 24 * 24;
}

/// Multiplies all tiles of a range. `tile` holds what does not change; x, groups and x_floats point at row 0.
static inline void ck_walk_tiles(
    ck_tile_set set, const ck_panels *panels, ck_tile tile, ck_destination y, ck_product_range range) {
    float results[ck_tile_most_rows * ck_tile_width] __attribute__((aligned(64)));
    const ck_tile origin = tile;
    const int64_t row_bytes = origin.x_floats ? origin.x_stride * 4 : origin.x_stride + origin.group_stride * 16;
    const int64_t block = ck_row_block(row_bytes);
    tile.results = results;
    for (int64_t block_row = range.first_row; block_row < range.row_end; block_row += block) {
        const int64_t block_end = block_row + block < range.row_end ? block_row + block : range.row_end;
        for (int64_t p = range.first_panel; p < range.panel_end;) {
            const int64_t panel_count = p + set.most_panels <= range.panel_end ? set.most_panels : 1;
            const int64_t output = p * ck_panel_width, left = panels->outputs - output;
            const int64_t width = left < panel_count * ck_panel_width ? left : panel_count * ck_panel_width;
            tile.panel = panels->bytes + p * panels->panel_bytes;
            for (int64_t row = block_row, i = 0; row < block_end; row += set.row_counts[i]) {
                while (set.row_counts[i] > block_end - row) i++;
                const int64_t shape[2] = {set.row_counts[i], width};
                tile.x = origin.x + row * origin.x_stride;
                tile.groups = origin.groups + row * origin.group_stride;
                if (origin.x_floats) tile.x_floats = origin.x_floats + row * origin.x_stride;
                set.functions[i][panel_count - 1](&tile);
                ck_store_results(results, y, shape, row, output);
            }
            p += panel_count;
        }
    }
}

#endif
