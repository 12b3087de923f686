// Two panels against many rows, two steps in one dot product; panel_traits.h has the identity. Included after
// matmul_quantized_tile.h; needs GFNI besides.
//
// A group takes 5 dot products, 6 additions and 4 operations that turn its sum into a float: 15, of which 7 have to go to the two
// ports that multiply. Where all 8 steps are multiplied 10 of 12 have to. The codes of a group fill half of the registers, so rows
// pass by them, however many, and their sums are kept in memory.
enum { ck_few_paired_rows = 32, ck_paired_panels = 2, ck_group_steps = ck_group_size / 4 };

/// What a group of two panels is for all rows.
typedef struct {
    VB codes[ck_paired_panels][ck_group_steps];
    VI own[ck_paired_panels];  // what its pairs multiply besides the products that are wanted
    VF scale[ck_paired_panels], min[ck_paired_panels];
} ck_paired_group;

/// Codes of 4 bits from bit `at` on, less 8, as signed bytes; raised, with 128 added. Bits 3 to 7 of code - 8 are the opposite of
/// the code's bit 3, and 128 more is the opposite of bit 7: a byte of `bits` says which bit of the code makes a bit of the result,
/// the highest first. In assembly, since the instruction's feature is no other function's.
CK_INLINE VB centered_codes(VB both, const int at, const bool is_raised) {
    const VB bits = _mm512_set1_epi64(at == 0 ? 0x0102040808080808 : 0x1020408080808080);
    VB codes;
    if (is_raised) __asm__("vgf2p8affineqb $0x78, %2, %1, %0" : "=v"(codes) : "v"(both), "v"(bits));
    else __asm__("vgf2p8affineqb $0xf8, %2, %1, %0" : "=v"(codes) : "v"(both), "v"(bits));
    return codes;
}

CK_INLINE void load_paired_group(
    const ck_traits traits, const ck_panel_layout layout, const ck_tile *tile, int64_t g, ck_paired_group *group) {
    _Pragma("unroll") for (int p = 0; p < ck_paired_panels; p++) {
        const uint8_t *panel = tile->panel + p * tile->panel_bytes;
        VB *codes = group->codes[p];
        VI own = v_broadcast4(0);
        _Pragma("unroll") for (int s = 0; s < ck_group_steps; s += 2) {
            const VB both = v_load_bytes(panel + g * layout.code_bytes + 32 * s);
            if (s < ck_paired_steps) {
                codes[s] = centered_codes(both, 0, true);
                codes[s + 1] = centered_codes(both, 4, false);
                own = _mm512_dpbusd_epi32(own, codes[s], codes[s + 1]);
            } else {
                codes[s] = v_low_half(both);
                codes[s + 1] = v_high_half(both);
            }
        }
        int at[2] = {0, 0};
        group->own[p] = own;
        group->scale[p] = load_scales(traits, layout, panel, g, at);
        if (traits.has_min) group->min[p] = load_mins(traits, layout, panel, g, at);
    }
}

/// totals[row][panel] += a group of `rows` rows, = where it is the first one.
CK_INLINE void multiply_paired_group(
    const ck_traits traits, const int rows, const bool is_first, const ck_paired_group *group, const ck_tile *tile,
    int64_t row, int64_t g, float (*totals)[ck_paired_panels][LANES]) {
    const int8_t *x = tile->x + row * tile->x_stride + g * ck_group_size;
    const ck_pair_group *x_groups = tile->pair_groups + row * tile->group_stride + g;
    VI sums[2][ck_paired_panels];
    _Pragma("unroll") for (int r = 0; r < rows; r++)
        _mm_prefetch((const char *)(x + r * tile->x_stride + ck_group_size), _MM_HINT_T0);
    _Pragma("unroll") for (int r = 0; r < rows; r++) {
        const ck_pair_group *x_group = x_groups + r * tile->group_stride;
        const VI start = v_load_broadcast4(traits.zero == 8 ? &x_group->centered_start : &x_group->raw_start);
        _Pragma("unroll") for (int p = 0; p < ck_paired_panels; p++) sums[r][p] = v_subtract_i32(start, group->own[p]);
    }
    _Pragma("unroll") for (int s = 0; s < ck_group_steps; s += 2) _Pragma("unroll") for (int r = 0; r < rows; r++) {
        const int8_t *four = x + r * tile->x_stride + 4 * s;
        const VI first = v_load_broadcast4((const int32_t *)four), second = v_load_broadcast4((const int32_t *)four + 1);
        _Pragma("unroll") for (int p = 0; p < ck_paired_panels; p++) {
            const VB *codes = group->codes[p] + s;
            sums[r][p] = s < ck_paired_steps
                ? _mm512_dpbusd_epi32(
                      sums[r][p], _mm512_add_epi8(codes[0], second), _mm512_add_epi8(codes[1], first))
                : _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sums[r][p], codes[0], first), codes[1], second);
        }
    }
    _Pragma("unroll") for (int r = 0; r < rows; r++) {
        const ck_pair_group *x_group = x_groups + r * tile->group_stride;
        _Pragma("unroll") for (int p = 0; p < ck_paired_panels; p++) {
            float *total = totals[row + r][p];
            const VF scaled = v_multiply(v_to_float(sums[r][p]), group->scale[p]);
            const VF before = is_first ? v_zero() : _mm512_load_ps(total);
            VF value = v_multiply_add(scaled, v_broadcast(x_group->scale), before);
            if (traits.has_min) value = v_multiply_add(group->min[p], v_broadcast(x_group->scaled_sum), value);
            _mm512_store_ps(total, value);
        }
    }
}

CK_INLINE void multiply_paired_rows(
    const ck_traits traits, const bool is_first, const ck_paired_group *group, const ck_tile *tile, int64_t g,
    float (*totals)[ck_paired_panels][LANES]) {
    int64_t row = 0;
    for (; row + 2 <= tile->row_count; row += 2)
        multiply_paired_group(traits, 2, is_first, group, tile, row, g, totals);
    if (row < tile->row_count) multiply_paired_group(traits, 1, is_first, group, tile, row, g, totals);
}

/// Asks memory for codes that come later. There is one tile to ask, and the processor may drop what is asked for the second cache:
/// few rows, which wait for what was dropped, ask for the first one. Many need that for their activations.
CK_INLINE void ask_for_codes(int64_t rows, const uint8_t *from, const int bytes) {
    for (int line = 0; line < bytes; line += 64) {
        if (rows <= ck_few_paired_rows) _mm_prefetch((const char *)from + line, _MM_HINT_T0);
        else v_prefetch(from + line);
    }
}

/// Asks for the lines of some results, which are all written at the end: a group's share of them.
CK_INLINE void ask_for_results(const ck_tile *tile, int64_t g) {
    const int64_t end = tile->row_count * (g + 1) / tile->group_count;
    for (int64_t row = tile->row_count * g / tile->group_count; row < end; row++) {
        const float *y = tile->y + row * tile->y_stride;
        for (int p = 0; p < ck_paired_panels; p++) __asm__ volatile("prefetchw %0" : : "m"(y[p * LANES]));
    }
}

/// y = totals, with all that is added to a product's sums.
CK_INLINE void finish_paired_rows(
    const int rows, const ck_tile *tile, int64_t row, float (*totals)[ck_paired_panels][LANES]) {
    ck_tile part = *tile;
    VF values[ck_most_rows][ck_most_columns];
    part.y += row * part.y_stride;
    part.first_row += row;
    if (part.changes) part.changes += row;
    _Pragma("unroll") for (int p = 0; p < ck_paired_panels; p++) _Pragma("unroll") for (int r = 0; r < rows; r++)
        values[r][p] = _mm512_load_ps(totals[row + r][p]);
    store_values(rows, ck_paired_panels, &part, values);
}

/// y tile = `row_count` rows x two panels of x Wᵀ, with the bits of `multiply_tile`. `type` is a constant where this is inlined.
CK_INLINE void multiply_paired_tile(const int32_t type, const ck_tile *tile) {
    const ck_traits traits = ck_traits_of(type);
    const ck_panel_layout layout = ck_layout_of(traits, tile->group_count);
    const int group_bytes = (int)(layout.code_bytes + layout.scale_bytes + layout.min_bytes);
    const int64_t rows = tile->row_count;
    float totals[ck_most_paired_rows][ck_paired_panels][LANES] __attribute__((aligned(64)));
    for (int64_t g = 0; g < tile->group_count; g++) {
        ck_paired_group group;
        _Pragma("unroll") for (int p = 0; p < ck_paired_panels; p++)
            ask_for_codes(rows, tile->asked + p * tile->panel_bytes + g * group_bytes, group_bytes);
        ask_for_results(tile, g);
        load_paired_group(traits, layout, tile, g, &group);
        if (g == 0) multiply_paired_rows(traits, true, &group, tile, g, totals);
        else multiply_paired_rows(traits, false, &group, tile, g, totals);
    }
    int64_t row = 0;
    for (; row + 6 <= rows; row += 6) finish_paired_rows(6, tile, row, totals);
    for (; row + 2 <= rows; row += 2) finish_paired_rows(2, tile, row, totals);
    if (row < rows) finish_paired_rows(1, tile, row, totals);
}

#define CK_PAIRED_TILE_FUNCTION(type)                                                                                 \
    static __attribute__((noinline)) void paired_tile_##type(const ck_tile *tile) {                                   \
        multiply_paired_tile(ck_type_##type, tile);                                                                   \
    }
CK_PAIRED_TILE_FUNCTION(q4_0)
CK_PAIRED_TILE_FUNCTION(q4_1)
CK_PAIRED_TILE_FUNCTION(q4_k)

/// NULL for types with longer codes, a table, or a scale for half a group.
static ck_tile_function paired_tile_of(int32_t type) {
    switch (type) {
    case ck_type_q4_0: return paired_tile_q4_0;
    case ck_type_q4_1: return paired_tile_q4_1;
    case ck_type_q4_k: return paired_tile_q4_k;
    default: return 0;
    }
}
