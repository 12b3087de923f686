// The product of a few rows with one or two float panels, written once for every instruction set; needs the vectors that
// matmul_quantized_tile.h lists.

#include "matmul_driver.h"

/// Inputs that are summed before they join the total. Short runs keep the rounding error of long sums small.
enum { ck_float_run = 128 };

CK_INLINE void multiply_float_tile(const int rows, const int panels, const ck_tile *tile) {
    const int columns = panels * (16 / LANES);
    const int64_t inputs = tile->group_count;
    const uint8_t *weights[4];
    VF total[ck_most_rows][ck_most_columns];
    _Pragma("unroll") for (int c = 0; c < columns; c++) {
        weights[c] = tile->panel + c / (16 / LANES) * tile->panel_bytes + c % (16 / LANES) * LANES * 4;
        _Pragma("unroll") for (int r = 0; r < rows; r++) total[r][c] = v_zero();
    }
    for (int64_t first = 0; first < inputs; first += ck_float_run) {
        const int64_t end = first + ck_float_run < inputs ? first + ck_float_run : inputs;
        VF run[6][4];
        _Pragma("unroll") for (int c = 0; c < columns; c++)
            _Pragma("unroll") for (int r = 0; r < rows; r++) run[r][c] = v_zero();
        for (int64_t k = first; k < end; k++) {
            VF w[4];
            _Pragma("unroll") for (int c = 0; c < columns; c++) w[c] = v_load_float(weights[c] + 64 * k);
            _Pragma("unroll") for (int r = 0; r < rows; r++) {
                const VF x = v_broadcast(tile->x_floats[r * tile->x_stride + k]);
                _Pragma("unroll") for (int c = 0; c < columns; c++) run[r][c] = v_multiply_add(w[c], x, run[r][c]);
            }
        }
        _Pragma("unroll") for (int c = 0; c < columns; c++)
            _Pragma("unroll") for (int r = 0; r < rows; r++) total[r][c] = v_add(total[r][c], run[r][c]);
    }
    store_values(rows, columns, tile, total);
}

#define CK_FLOAT_TILE_FUNCTION(rows, panels)                                                                          \
    static __attribute__((noinline)) void float_tile_##rows##x##panels(const ck_tile *tile) {                         \
        multiply_float_tile(rows, panels, tile);                                                                      \
    }

CK_INLINE ck_tile float_tile(const ck_panels *panels, ck_float_rows x) {
    return (ck_tile){
        .panel_bytes = panels->panel_bytes,
        .group_count = panels->inputs,
        .x_floats = x.values,
        .x_stride = x.stride,
    };
}
