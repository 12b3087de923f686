// The product of a few rows with one or two panels, written once for every vector instruction set. The file that
// includes it defines (names as in matmul_avx512vnni.c, the shortest):
//   LANES                         int32 lanes of a vector; 16 / LANES vectors make a panel ("columns")
//   VB VI VF                      vectors of bytes, int32 and float32
//   v_load_bytes v_low_half v_high_half v_lookup v_load_table
//   v_join_high(half, high, at, bits)  half with `bits` bits of high, from bit `at` on, as its bits 4 and up
//   v_load_halves(p, lane)        4 bits of LANES outputs from `lane` on: 32 bytes have 8 in their low halves, 8 in the others;
//                                 what is above them in a byte may be anything
//   v_dot(sum, codes, x, traits)  sum + Σ of 4 u8 · s8 products per lane, exact; v_dot_wide: 2 s16 · s16; v_dot_loaded: x from
//   memory, the same four in every lane, with CK_HAS_DOT_LOADED where there is something faster than a load and v_dot
//   ck_centers_wide               whether v_dot takes the 128 from wide codes that they are raised by
//   v_dot_short(codes, x) v_add_short v_widen(sum, shorts) v_hide  where CK_HAS_SHORT_SUMS is defined: Σ of 2 u8 · s8 products
//   per 16 bits, sums of these, their sum by 32 bits, and a pointer that the compiler does not know any more
//   v_broadcast4 v_load_broadcast4 v_subtract_i32 v_times v_to_float v_multiply v_multiply_add v_broadcast v_zero
//   v_load_half v_load_bfloat v_load_u8 v_load_i8 (LANES values to float) v_load_float v_store_float
//   v_prefetch (into the second cache) v_prefetch_near (into the first, on x86 into no other)
// Every float operation on one (row, output) happens in an order that only the number of groups decides.

#include "matmul_driver.h"

enum { columns_per_panel = 16 / LANES, ck_most_rows = 8, ck_most_columns = 4 };

/// Four bytes in every lane.
CK_INLINE VI load_four(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
    return v_broadcast4(four);
}

#ifndef CK_HAS_DOT_LOADED
CK_INLINE VI v_dot_loaded(VI sum, VB codes, const int8_t *x, ck_traits traits) {
    return v_dot(sum, codes, load_four(x), traits);
}
#endif

/// One step of a group for one column: codes of 4 (with 16 bits, 2) inputs x LANES outputs.
CK_INLINE VB load_codes(ck_traits traits, const uint8_t *codes, int step, VB table) {
    if (traits.bits >= 8) return v_load_bytes(codes + 64 * step);
    const VB both = v_load_bytes(codes + 64 * (step / 2));
    const VB half = step % 2 ? v_high_half(both) : v_low_half(both);
    if (traits.bits == 4) return traits.has_table ? v_lookup(table, half) : half;
    const int bits = traits.bits - 4, steps = 8 / bits;
    return v_join_high(half, v_load_bytes(codes + 256 + 64 * (step / steps)), step % steps * bits, bits);
}

/// Scales of LANES outputs in group `g`, half `h`; `lane` is the first of them.
CK_INLINE VF load_scales(ck_traits traits, ck_panel_layout layout, const uint8_t *panel, int64_t g, int at[2]) {
    const int h = at[0], lane = at[1];
    const uint8_t *scales = panel + layout.scales + g * layout.scale_bytes;
    if (traits.scale == scale_f16) return v_load_half(scales + 2 * lane);
    if (traits.scale == scale_bf16) return v_load_bfloat(scales + 2 * lane);
    const uint8_t *block = panel + layout.blocks + g / 8 * (traits.has_min ? 64 : 32);
    const uint8_t *steps = scales + 16 * h + lane;
    const VF step = traits.has_signed_scales ? v_load_i8(steps) : v_load_u8(steps);
    return v_multiply(v_load_half(block + 2 * lane), step);
}

CK_INLINE VF load_mins(ck_traits traits, ck_panel_layout layout, const uint8_t *panel, int64_t g, int at[2]) {
    const int h = at[0], lane = at[1];
    const uint8_t *mins = panel + layout.mins + g * layout.min_bytes;
    if (traits.scale == scale_f16) return v_load_half(mins + 2 * lane);
    const uint8_t *block = panel + layout.blocks + g / 8 * 64;
    return v_multiply(v_load_half(block + 32 + 2 * lane), v_load_u8(mins + 16 * h + lane));
}

/// The integer sums start at -zero · Σx, so that unsigned codes need no correction afterwards.
CK_INLINE VI start_sum(ck_traits traits, const ck_activation_group *group, int h) {
    if (traits.zero == 0 || (ck_centers_wide && traits.is_wide)) return v_broadcast4(0);
    const bool is_low = traits.has_half_groups && h == 0;
    VI sum = v_load_broadcast4(is_low ? &group->negative_low_sum : &group->negative_sum);
    if (h == 1) sum = v_subtract_i32(sum, v_load_broadcast4(&group->negative_low_sum));
    return v_times(sum, traits.zero);
}

/// The codes of B of 16 ranks for one column.
CK_INLINE void load_factor_b(const int bits, const uint8_t *codes, const int lane, VB w[4][ck_most_columns], const int c) {
    const uint8_t *above = codes + ck_factor_b_high;
    const VB high = bits == 5 ? v_load_halves(above, lane) : v_load_bytes(above + 4 * lane);
    _Pragma("unroll") for (int s = 0; s < 4; s++) {
        const VB both = v_load_bytes(codes + 4 * lane + 64 * (s / 2));
        w[s][c] = v_join_high(s % 2 ? v_high_half(both) : v_low_half(both), high, (bits - 4) * s, bits - 4);
    }
}

/// values += B t of a low-rank change, whose codes have `bits`, for `rows` rows and the panels from `b` on: one chain over the groups
/// of ranks, which goes on from the value.
CK_INLINE void add_change(
    const int bits, const int rows, const int columns, const uint8_t *b, const int64_t group_count, ck_activations t,
    VF values[][ck_most_columns]) {
    const ck_traits traits = ck_traits_of(bits == 5 ? ck_type_factor_5 : ck_type_factor_6);
    const int64_t panel_bytes = group_count * ck_factor_b_bytes(bits);
    for (int64_t g = 0; g < group_count; g++) {
        VB w[4][ck_most_columns];
        VF scale[ck_most_columns];
        _Pragma("unroll") for (int c = 0; c < columns; c++) {
            const int lane = c % columns_per_panel * LANES;
            const uint8_t *codes = b + c / columns_per_panel * panel_bytes + g * ck_factor_b_bytes(bits);
            scale[c] = v_load_bfloat(codes + ck_factor_b_scales(bits) + 2 * lane);
            load_factor_b(bits, codes, lane, w, c);
        }
        _Pragma("unroll") for (int r = 0; r < rows; r++) {
            const ck_activation_group *group = t.groups + r * t.group_stride + g;
            const int8_t *x = t.values + r * t.value_stride + 16 * g;
            VI sums[ck_most_columns];
            _Pragma("unroll") for (int c = 0; c < columns; c++) sums[c] = v_load_broadcast4(&group->negative_low_sum);
            _Pragma("unroll") for (int s = 0; s < 4; s++) {
                const VI xs = load_four(x + 4 * s);
                _Pragma("unroll") for (int c = 0; c < columns; c++) sums[c] = v_dot(sums[c], w[s][c], xs, traits);
            }
            _Pragma("unroll") for (int c = 0; c < columns; c++) values[r][c] = v_multiply_add(
                v_multiply(v_to_float(sums[c]), scale[c]), v_broadcast(group->scale), values[r][c]);
        }
    }
}

/// The same for rows from `row` of the tile on, which have a segment's change.
CK_INLINE void add_segment(
    const int rows, const int columns, const ck_tile *tile, int row, const ck_low_rank_segment *segment,
    VF values[][ck_most_columns]) {
    const ck_low_rank *change = &segment->change;
    const int64_t group_count = ck_rank_groups(change->rank);
    const uint8_t *b = (const uint8_t *)change->b + tile->first_panel * ck_factor_b_panel_bytes(change);
    const ck_activations t = ck_columns_of(tile->update, segment, tile->first_row + row);
    if (change->element == ck_low_rank_i5) add_change(5, rows, columns, b, group_count, t, values);
    else add_change(6, rows, columns, b, group_count, t, values);
}

/// Asks for B that the next tile meets, `bytes` from `next` on. It is so little that the first cache has room for it.
CK_INLINE void announce_b(const uint8_t *next, int64_t bytes) {
    for (int64_t line = 0; line < bytes; line += 64) v_prefetch_near(next + line);
}

/// The same for a segment's rows.
CK_INLINE void announce_next(const int panels, const ck_tile *tile, const ck_low_rank_segment *segment) {
    const int64_t panel_bytes = ck_factor_b_panel_bytes(&segment->change);
    const uint8_t *b = segment->change.b;
    announce_b(b + (tile->first_panel + panels) * panel_bytes, panels * panel_bytes);
}

/// Asks for a share of A that comes after the product. Rows that have an adapter each would ask for more than the caches hold
/// until then.
CK_INLINE void announce_following(const int panels, const ck_tile *tile, const ck_low_rank_segment *segment) {
    const uint8_t *following = (const uint8_t *)segment->following + tile->first_panel * segment->following_step;
    for (int64_t line = 0; line < panels * segment->following_step; line += 64) v_prefetch(following + line);
}

/// values += B t of rows that have a change of at most 16 ranks, in codes of `bits`, or none. Four dot products a row are so little
/// that following a segment to its factors for each of them would take as long.
CK_INLINE void add_short(
    const int bits, const int rows, const int columns, const ck_tile *tile, VF values[][ck_most_columns]) {
    const int64_t panel_bytes = ck_factor_b_bytes(bits), bytes = columns / columns_per_panel * panel_bytes;
    _Pragma("unroll") for (int r = 0; r < rows; r++) {
        const ck_row_change *change = tile->changes + r;
        if (!change->b) continue;
        const uint8_t *b = change->b + tile->first_panel * panel_bytes;
        if (change->asks) announce_b(b + bytes, bytes);
        const ck_activations t = {.values = (int8_t *)change->t, .groups = (ck_activation_group *)change->groups};
        add_change(bits, 1, columns, b, 1, t, values + r);
    }
}

/// values += what low-rank changes add to the tile.
CK_INLINE void add_changes(const int rows, const int columns, const ck_tile *tile, VF values[][ck_most_columns]) {
    const int panels = columns / columns_per_panel;
    const ck_row_change *changes = tile->changes;
    const ck_low_rank_segment *first = changes->segment;
    bool is_one = rows > 1 && first && !first->next;
    int shorts = ck_short_5 | ck_short_6;
    for (int r = 0; r < rows; r++) {
        is_one &= changes[r].segment == first;
        shorts &= changes[r].shorts;
    }
    if (is_one) {
        if (changes->asks) {
            announce_next(panels, tile, first);
            announce_following(panels, tile, first);
        }
        add_segment(rows, columns, tile, 0, first, values);
        return;
    }
    if (shorts & ck_short_5) return add_short(5, rows, columns, tile, values);
    if (shorts) return add_short(6, rows, columns, tile, values);
    _Pragma("unroll") for (int r = 0; r < rows; r++) {
        const ck_low_rank_segment *segment = changes[r].segment;
        while (segment) {
            if (tile->first_row + r == segment->first_row) announce_next(panels, tile, segment);
            add_segment(1, columns, tile, r, segment, values + r);
            segment = segment->next ? segment + segment->next : 0;
        }
    }
}

/// y = values (+ bias) (+ y) (+ changes), in this order.
CK_INLINE void store_values(const int rows, const int columns, const ck_tile *tile, VF values[][ck_most_columns]) {
    // Asked once, not for every vector: a small tile would take 2 % longer.
    if (tile->bias) {
        _Pragma("unroll") for (int c = 0; c < columns; c++) _Pragma("unroll") for (int r = 0; r < rows; r++)
            values[r][c] = v_add(values[r][c], v_load_float((const uint8_t *)(tile->bias + c * LANES)));
    }
    if (tile->accumulates) {
        _Pragma("unroll") for (int c = 0; c < columns; c++) _Pragma("unroll") for (int r = 0; r < rows; r++)
            values[r][c] = v_add(values[r][c], v_load_float((const uint8_t *)(tile->y + r * tile->y_stride + c * LANES)));
    }
    if (tile->changes) add_changes(rows, columns, tile, values);
    _Pragma("unroll") for (int c = 0; c < columns; c++) _Pragma("unroll") for (int r = 0; r < rows; r++)
        v_store_float(tile->y + r * tile->y_stride + c * LANES, values[r][c]);
}

/// Asks memory for `bytes` from `from` on: what meets few rows into the first cache alone, for these go as fast as memory does,
/// and lines that nobody reads again would only drive others from one cache to the next. Pairs of panels with 16-bit codes do not
/// ask: they take so few instructions a byte that the processor looks far enough ahead by itself.
CK_INLINE void ask_ahead(const int panels, const uint8_t *from, const int bytes) {
    for (int line = 0; line < bytes; line += 64) {
        if (panels == 1) v_prefetch_near(from + line);
        else v_prefetch(from + line);
    }
}

/// Adds a group's `step_count` steps from `first_step` on to sums[row][column].
#define CK_DOT_EACH_STEP(first_step, step_count)                                                                      \
    _Pragma("unroll") for (int s = (first_step); s < (first_step) + (step_count); s++) {                              \
        VB w[ck_most_columns];                                                                                        \
        _Pragma("unroll") for (int c = 0; c < columns; c++) w[c] =                                                    \
            load_codes(traits, codes[c] + g * layout.code_bytes, s, table);                                           \
        _Pragma("unroll") for (int r = 0; r < rows; r++) {                                                            \
            const int8_t *four = x + r * tile->x_stride + g * x_group_bytes + 4 * s;                                  \
            if (columns == 1 && traits.bits < 16) {                                                                   \
                sums[r][0] = v_dot_loaded(sums[r][0], w[0], four, traits);                                            \
                continue;                                                                                             \
            }                                                                                                         \
            const VI xs = load_four(four);                                                                            \
            _Pragma("unroll") for (int c = 0; c < columns; c++) sums[r][c] =                                          \
                traits.bits == 16 ? v_dot_wide(sums[r][c], w[c], xs) : v_dot(sums[r][c], w[c], xs, traits);           \
        }                                                                                                             \
    }

#ifdef CK_HAS_SHORT_SUMS
/// Steps whose products fit a sum of 16 bits: 8, 4 or 2; 1 for codes that are not summed so.
CK_INLINE int short_steps(ck_traits traits) {
    if (traits.is_wide || traits.bits >= 8) return 1;
    const int largest = traits.has_table ? 24 : (1 << traits.bits) - 1, fitting = 32767 / (2 * 127 * largest);
    return fitting >= 8 && !traits.has_half_groups ? 8 : fitting >= 4 ? 4 : fitting;
}

/// sums += a whole group, in sums of 16 bits that hold it.
CK_INLINE void dot_short_group(
    const int rows, const int columns, ck_traits traits, const uint8_t *const codes[], VB table, const int8_t *x,
    int64_t x_stride, VI sums[][ck_most_columns]) {
    VI shorts[ck_most_rows][ck_most_columns];
    _Pragma("unroll") for (int s = 0; s < 8; s++) {
        VB w[ck_most_columns];
        _Pragma("unroll") for (int c = 0; c < columns; c++) w[c] = load_codes(traits, codes[c], s, table);
        _Pragma("unroll") for (int r = 0; r < rows; r++) {
            const VI xs = load_four(x + r * x_stride + 4 * s);
            _Pragma("unroll") for (int c = 0; c < columns; c++) {
                const VI products = v_dot_short(w[c], xs);
                shorts[r][c] = s == 0 ? products : v_add_short(shorts[r][c], products);
            }
        }
    }
    _Pragma("unroll") for (int c = 0; c < columns; c++) _Pragma("unroll") for (int r = 0; r < rows; r++)
        sums[r][c] = v_widen(sums[r][c], shorts[r][c]);
}

/// sums += the steps from `first` on that sums of 16 bits can hold. Column by column, since registers are few; the activations
/// that a column met are hidden from the next, or the compiler would keep them all.
CK_INLINE void dot_short_run(
    const int rows, const int columns, ck_traits traits, const uint8_t *const codes[], VB table, const int8_t *x,
    int64_t x_stride, const int first, VI sums[][ck_most_columns]) {
    const int step_count = short_steps(traits);
    _Pragma("unroll") for (int c = 0; c < columns; c++) {
        VB w[4];
        _Pragma("unroll") for (int s = 0; s < step_count; s++) w[s] = load_codes(traits, codes[c], first + s, table);
        const int8_t *from = v_hide(x + 4 * first);
        _Pragma("unroll") for (int r = 0; r < rows; r++) {
            VI shorts = v_dot_short(w[0], load_four(from + r * x_stride));
            _Pragma("unroll") for (int s = 1; s < step_count; s++) shorts =
                v_add_short(shorts, v_dot_short(w[s], load_four(from + r * x_stride + 4 * s)));
            sums[r][c] = v_widen(sums[r][c], shorts);
        }
    }
}

/// CK_DOT_EACH_STEP with as many steps at a time as sums of 16 bits can hold: widening them takes as long as multiplying.
#define CK_DOT_STEPS(first_step, step_count)                                                                          \
    if (short_steps(traits) == 1) {                                                                                   \
        CK_DOT_EACH_STEP(first_step, step_count)                                                                      \
    } else {                                                                                                          \
        const uint8_t *from[ck_most_columns];                                                                         \
        const int8_t *group_x = x + g * x_group_bytes;                                                                \
        _Pragma("unroll") for (int c = 0; c < columns; c++) from[c] = codes[c] + g * layout.code_bytes;               \
        if (short_steps(traits) == 8) {                                                                               \
            dot_short_group(rows, columns, traits, from, table, group_x, tile->x_stride, sums);                       \
        } else {                                                                                                      \
            _Pragma("unroll") for (int s = (first_step); s < (first_step) + (step_count); s += short_steps(traits))   \
                dot_short_run(rows, columns, traits, from, table, group_x, tile->x_stride, s, sums);                  \
        }                                                                                                             \
    }
#else
#define CK_DOT_STEPS CK_DOT_EACH_STEP
#endif

/// y tile = rows x (panels · 16) of x Wᵀ. `traits`, `rows` and `panels` are constants where this is inlined.
CK_INLINE void multiply_tile(const int32_t type, const int rows, const int panels, const ck_tile *tile) {
    const ck_traits traits = ck_traits_of(type);
    const int columns = panels * columns_per_panel, parts = traits.has_half_groups ? 2 : 1;
    const int x_group_bytes = traits.bits == 16 ? 64 : 32, steps = x_group_bytes / 4;
    const ck_panel_layout layout = ck_layout_of(traits, tile->group_count);
    const VB table = traits.has_table ? v_load_table(ck_code_table(type)) : v_load_table(ck_code_table(0));
    // A group's share of the panel, scales and all: what has to be fetched while a group is computed.
    const int group_bytes = (int)(layout.code_bytes + layout.scale_bytes + layout.min_bytes);
    const int8_t *x = tile->x;
    const uint8_t *panel[ck_most_columns], *codes[ck_most_columns];
    VF total[ck_most_rows][ck_most_columns];
    _Pragma("unroll") for (int c = 0; c < columns; c++) {
        panel[c] = tile->panel + c / columns_per_panel * tile->panel_bytes;
        codes[c] = panel[c] + c % columns_per_panel * LANES * 4;
        _Pragma("unroll") for (int r = 0; r < rows; r++) total[r][c] = v_zero();
    }
    for (int64_t g = 0; g < tile->group_count; g++) {
        const ck_activation_group *xg = tile->groups + g;
        VF scaled[ck_most_rows][ck_most_columns];
        if (panels == 1 ? tile->asked != 0 : traits.bits < 16) {
            _Pragma("unroll") for (int c = 0; c < columns; c += columns_per_panel)
                ask_ahead(panels, tile->asked + (panel[c] - tile->panel) + g * group_bytes, group_bytes);
        }
        _Pragma("unroll") for (int h = 0; h < parts; h++) {
            VI sums[ck_most_rows][ck_most_columns];
            _Pragma("unroll") for (int r = 0; r < rows; r++) {
                const VI start = start_sum(traits, xg + r * tile->group_stride, h);
                _Pragma("unroll") for (int c = 0; c < columns; c++) sums[r][c] = start;
            }
            if (traits.has_half_groups) {
                CK_DOT_STEPS(4 * h, 4)
            } else {
                CK_DOT_STEPS(0, steps)
            }
            _Pragma("unroll") for (int c = 0; c < columns; c++) {
                int at[2] = {h, c % columns_per_panel * LANES};
                const VF scale = load_scales(traits, layout, panel[c], g, at);
                _Pragma("unroll") for (int r = 0; r < rows; r++) {
                    const VF sum = v_to_float(sums[r][c]);
                    scaled[r][c] = h == 0 ? v_multiply(sum, scale) : v_multiply_add(sum, scale, scaled[r][c]);
                }
            }
        }
        _Pragma("unroll") for (int c = 0; c < columns; c++)
            _Pragma("unroll") for (int r = 0; r < rows; r++) total[r][c] =
                v_multiply_add(scaled[r][c], v_broadcast(xg[r * tile->group_stride].scale), total[r][c]);
        if (!traits.has_min) continue;
        _Pragma("unroll") for (int h = 0; h < parts; h++) _Pragma("unroll") for (int c = 0; c < columns; c++) {
            int at[2] = {h, c % columns_per_panel * LANES};
            const VF min = load_mins(traits, layout, panel[c], g, at);
            _Pragma("unroll") for (int r = 0; r < rows; r++) {
                const ck_activation_group *group = xg + r * tile->group_stride;
                const int32_t low = group->negative_low_sum;
                const int32_t part = h == 0 ? low : group->negative_sum - low;
                const float sum = traits.has_half_groups ? -group->scale * (float)part : group->scaled_sum;
                total[r][c] = v_multiply_add(min, v_broadcast(sum), total[r][c]);
            }
        }
    }
    store_values(rows, columns, tile, total);
}

/// Bytes from a panel to what is asked for while it is multiplied. One row is done with a panel soon; beside low-rank changes the
/// first cache has less room. Pairs of panels meet so many rows that memory has to be asked long before: by a part of the thread's
/// share where the product before this one has asked for its begin, by half of what is left of it elsewhere, within limits.
CK_INLINE int64_t bytes_ahead(
    const ck_tile_set *set, const ck_panels *panels, const ck_destination *y, ck_product_range range) {
    if (panels->type == ck_type_factor_5 || panels->type == ck_type_factor_6) return panels->ahead;
    const int64_t end = range.share_end > range.panel_end ? range.share_end : range.panel_end;
    const int64_t least = CK_PREFETCH_BYTES, most = 4 * CK_PREFETCH_BYTES;
    const int64_t bytes = range.following ? (end - range.share_first) * panels->panel_bytes / 16
                                          : (end - range.first_panel) * panels->panel_bytes / 2;
    const bool is_single = ck_most_panels(set, range) == 1;
    if (is_single && (y->update || range.row_end - range.first_row == 1)) return CK_SHORT_PREFETCH_BYTES;
    if (is_single || bytes < least) return least;
    return bytes > most ? most : bytes;
}

#define CK_TILE_FUNCTION(type, rows, panels)                                                                          \
    static __attribute__((noinline)) void tile_##type##_##rows##x##panels(const ck_tile *tile) {                      \
        multiply_tile(ck_type_##type, rows, panels, tile);                                                            \
    }

#define CK_FOR_EACH_BLOCK_TYPE(act)                                                                                   \
    act(q4_0) act(q4_1) act(q5_0) act(q5_1) act(q8_0) act(q2_k) act(q3_k) act(q4_k) act(q5_k) act(q6_k) act(iq4_nl)   \
        act(mxfp4) act(wide) act(factor_5) act(factor_6)

#define CK_TILE_SET_CASE(type)                                                                                        \
    case ck_type_##type: set = &tiles_##type; break;

/// The body of a product on this instruction set: picks the type's tile functions, `tiles_TYPE`, and walks the range.
/// `paired_tile` is the type's tile that pairs steps, or 0.
#define CK_MULTIPLY_RANGE(panels, x, y, range, paired_tile)                                                           \
    const ck_tile_set *set = 0;                                                                                       \
    switch (ck_panel_type((panels)->type)) { CK_FOR_EACH_BLOCK_TYPE(CK_TILE_SET_CASE) }                               \
    if (set == 0) return;                                                                                             \
    const ck_tile tile = {                                                                                            \
        .panel_bytes = (panels)->panel_bytes,                                                                         \
        .group_count = (panels)->inputs / ck_group_size,                                                              \
        .x = (x)->values,                                                                                             \
        .x_stride = (x)->value_stride,                                                                                \
        .groups = (x)->groups,                                                                                        \
        .group_stride = (x)->group_stride,                                                                            \
        .pair_groups = (x)->pair_groups,                                                                              \
        .paired = (paired_tile),                                                                                      \
        .ahead = bytes_ahead(set, panels, &(y), range),                                                               \
    };                                                                                                                \
    ck_walk_tiles(set, panels, tile, y, range);
