// Low-rank changes: see ck_low_rank.h. Needs cache_elements.h and rope.h (partial loads and stores).

#include "../low_rank_implementations.h"
#include "../panel_traits.h"
#include "../quantize_implementations.h"

_Static_assert(
    ck_low_rank_f32 == ck_cache_f32 && ck_low_rank_f16 == ck_cache_f16 && ck_low_rank_bf16 == ck_cache_bf16,
    "the factors are read as elements of the cache are");

/// A · x for `rows` rows of x and `ranks` rows of A, at most four each.
CK_INLINE void CK_NAME(shrink_tile)(
    const ck_low_rank *p, const int32_t element, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    const size_t rows, size_t first_rank, const size_t ranks) {
    const size_t width = (size_t)p->inputs, stride = (width + 15) / 16 * 16;
    const char *a = (const char *)p->a + first_rank * stride * CK_NAME(bytes_of)(element);
    const size_t row_bytes = stride * CK_NAME(bytes_of)(element);
    ck_lanes sums[4][4];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t k = 0; k < ranks; k++) sums[r][k] = (ck_lanes)0.0f;
    }
    for (size_t i = 0; i < width; i += 16) {
        const size_t left = width - i;
        ck_lanes inputs[4];
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const float *input = x + (ptrdiff_t)r * x_stride + i;
            inputs[r] = left >= 16 ? CK_NAME(load)(input) : CK_NAME(load_up_to)(input, left);
        }
#pragma clang loop unroll(full)
        for (size_t k = 0; k < ranks; k++) {
            const char *place = a + k * row_bytes + i * CK_NAME(bytes_of)(element);
            // A single row reads its factors from memory, in runs too short for the machine to see them coming.
            if (rows == 1) __builtin_prefetch(place + ranks * row_bytes);
            const ck_lanes factor = CK_NAME(load_elements)(place, element);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++)
                sums[r][k] = CK_NAME(multiply_add)(factor, inputs[r], sums[r][k]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t k = 0; k < ranks; k++)
            t[(ptrdiff_t)r * t_stride + (ptrdiff_t)(first_rank + k)] =
                p->scale * CK_NAME(sum_of_lanes)(sums[r][k]);
    }
}

CK_INLINE void CK_NAME(shrink_rows)(
    const ck_low_rank *p, const int32_t element, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    const size_t rows) {
    const size_t rank = (size_t)p->rank;
    size_t k = 0;
    for (; k + 4 <= rank; k += 4) CK_NAME(shrink_tile)(p, element, x, x_stride, t, t_stride, rows, k, 4);
    for (; k < rank; k++) CK_NAME(shrink_tile)(p, element, x, x_stride, t, t_stride, rows, k, 1);
}

CK_INLINE void CK_NAME(shrink)(
    const ck_low_rank *p, const int32_t element, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride,
    size_t rows) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4)
        CK_NAME(shrink_rows)
        (p, element, x + (ptrdiff_t)r * x_stride, x_stride, t + (ptrdiff_t)r * t_stride, t_stride, 4);
    for (; r < rows; r++)
        CK_NAME(shrink_rows)
        (p, element, x + (ptrdiff_t)r * x_stride, x_stride, t + (ptrdiff_t)r * t_stride, t_stride, 1);
}

void CK_NAME(ck_low_rank_shrink)(
    const ck_low_rank *p, const float *x, ptrdiff_t x_stride, float *t, ptrdiff_t t_stride, size_t rows) {
    switch (p->element) {
    case ck_low_rank_f16: CK_NAME(shrink)(p, ck_cache_f16, x, x_stride, t, t_stride, rows); break;
    case ck_low_rank_bf16: CK_NAME(shrink)(p, ck_cache_bf16, x, x_stride, t, t_stride, rows); break;
    default: CK_NAME(shrink)(p, ck_cache_f32, x, x_stride, t, t_stride, rows); break;
    }
}

/// y += B · t for `panels` panels, at most four, and `rows` rows, at most CK_ROWS.
CK_INLINE void CK_NAME(expand_tile)(
    const ck_low_rank *p, const int32_t element, int32_t panel, const size_t panels, const float *t, ptrdiff_t t_stride,
    float *y, ptrdiff_t y_stride, const size_t rows) {
    const size_t rank = (size_t)p->rank, bytes = 16 * CK_NAME(bytes_of)(element);
    const char *b = (const char *)p->b + (size_t)panel * rank * bytes;
    ck_lanes sums[4][CK_ROWS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < panels; j++) {
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) sums[j][r] = (ck_lanes)0.0f;
    }
    for (size_t k = 0; k < rank; k++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < panels; j++) {
            const char *place = b + (j * rank + k) * bytes;
            if (rows == 1) __builtin_prefetch(place + panels * rank * bytes);
            const ck_lanes factor = CK_NAME(load_elements)(place, element);
#pragma clang loop unroll(full)
            for (size_t r = 0; r < rows; r++)
                sums[j][r] = CK_NAME(multiply_add)(factor, (ck_lanes)t[(ptrdiff_t)(r * (size_t)t_stride + k)], sums[j][r]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t j = 0; j < panels; j++) {
        const size_t first = 16 * ((size_t)panel + j), left = (size_t)p->outputs - first;
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            float *out = y + (ptrdiff_t)r * y_stride + first;
            CK_NAME(store_up_to)(out, CK_NAME(load_up_to)(out, left) + sums[j][r], left);
        }
    }
}

CK_INLINE void CK_NAME(expand)(
    const ck_low_rank *p, const int32_t element, const float *t, ptrdiff_t t_stride, float *y, ptrdiff_t y_stride,
    size_t rows, int32_t first_panel, int32_t panel_end) {
    size_t r = 0;
    for (; r + CK_ROWS <= rows; r += CK_ROWS) {
        for (int32_t panel = first_panel; panel < panel_end; panel++)
            CK_NAME(expand_tile)
            (p, element, panel, 1, t + (ptrdiff_t)r * t_stride, t_stride, y + (ptrdiff_t)r * y_stride, y_stride, CK_ROWS);
    }
    // A single row waits for each of its sums: four panels at a time keep the multipliers busy.
    for (; r < rows; r++) {
        const float *factors = t + (ptrdiff_t)r * t_stride;
        float *out = y + (ptrdiff_t)r * y_stride;
        int32_t panel = first_panel;
        for (; panel + 4 <= panel_end; panel += 4)
            CK_NAME(expand_tile)(p, element, panel, 4, factors, t_stride, out, y_stride, 1);
        for (; panel < panel_end; panel++)
            CK_NAME(expand_tile)(p, element, panel, 1, factors, t_stride, out, y_stride, 1);
    }
}

void CK_NAME(ck_low_rank_expand)(
    const ck_low_rank *p, const float *t, ptrdiff_t t_stride, float *y, ptrdiff_t y_stride, size_t rows,
    int32_t first_panel, int32_t panel_end) {
    switch (p->element) {
    case ck_low_rank_f16:
        CK_NAME(expand)(p, ck_cache_f16, t, t_stride, y, y_stride, rows, first_panel, panel_end);
        break;
    case ck_low_rank_bf16:
        CK_NAME(expand)(p, ck_cache_bf16, t, t_stride, y, y_stride, rows, first_panel, panel_end);
        break;
    default: CK_NAME(expand)(p, ck_cache_f32, t, t_stride, y, y_stride, rows, first_panel, panel_end); break;
    }
}

typedef int8_t ck_bytes_memory __attribute__((ext_vector_type(16), aligned(1), may_alias));

void CK_NAME(ck_low_rank_quantize)(
    const float *t, ptrdiff_t t_stride, const ck_low_rank *change, const ck_activations *out, size_t rows,
    int32_t group_count) {
    const ck_lanes magic = (ck_lanes)12582912.0f;
    const int32_t zero = ck_traits_of(ck_factor_type(change->element)).zero;
    for (size_t r = 0; r < rows; r++) {
        int8_t *values = out->values + (int64_t)r * out->value_stride;
        ck_activation_group *groups = out->groups + (int64_t)r * out->group_stride;
        for (int32_t g = 0; g < group_count; g++) {
            const ck_lanes x = CK_NAME(load)(t + (ptrdiff_t)r * t_stride + 16 * g);
            const uint32_t largest = (uint32_t)CK_NAME(largest_integer)(CK_NAME(bits)(x) & 0x7fffffff);
            float unit;
            const float factor = ck_quantize_factor(ck_int8_limit, largest, &unit);
            // Adding 1.5 · 2^23 leaves the nearest integer in the low bits of the sum.
            const ck_lanes scaled = x * factor, shifted = scaled + magic;
            const ck_int_lanes codes = factor == 0 ? (ck_int_lanes)0 : CK_NAME(bits)(shifted) - CK_NAME(bits)(magic);
            *(ck_bytes_memory *)(values + 16 * g) = __builtin_convertvector(codes, ck_bytes_memory);
            const int32_t start = -zero * CK_NAME(sum_of_integers)(codes);
            groups[g] = (ck_activation_group){.scale = unit * change->scale, .negative_low_sum = start};
        }
    }
}

/// The first `count` elements at `p` as float32, at most sixteen; the others are 0. Reads nothing past them.
CK_INLINE ck_lanes CK_NAME(load_elements_up_to)(const char *p, const int32_t element, int32_t count) {
    if (count >= 16) return CK_NAME(load_elements)(p, element);
    _Alignas(16) char padded[64] = {0};
    memcpy(padded, p, (size_t)count * CK_NAME(bytes_of)(element));
    return CK_NAME(load_elements)(padded, element);
}

/// Codes, raised as `traits` say, and scales of `rows` <= 16 rows, each of which is one group: `parts` <= 2 times sixteen
/// values, or `width` < 16 of them. Four codes of a row are 4 bytes after those of the row before, and 64 bytes after its own last.
CK_INLINE void CK_NAME(pack_rows)(
    ck_traits traits, const char *from, ptrdiff_t stride, const int32_t element, const int32_t parts, int32_t rows,
    int32_t width, uint8_t *codes, uint8_t *scales) {
    const ptrdiff_t part_bytes = 16 * (ptrdiff_t)CK_NAME(bytes_of)(element);
    int32_t largest[16] = {0};
    for (int32_t row = 0; row < rows; row++) {
        // Magnitudes are in the order of their bits.
        const char *place = from + row * stride;
        ck_int_lanes magnitudes = CK_NAME(bits)(CK_NAME(load_elements_up_to)(place, element, width)) & 0x7fffffff;
        if (parts == 2) {
            const ck_lanes second = CK_NAME(load_elements)(place + part_bytes, element);
            magnitudes = __builtin_elementwise_max(magnitudes, CK_NAME(bits)(second) & 0x7fffffff);
        }
        largest[row] = CK_NAME(largest_integer)(magnitudes);
    }
    const ck_lanes magnitudes = CK_NAME(floats)(*(const ck_int_lanes_memory *)largest);
    // The bf16 that is the quotient or the next above. Below 2^-100 the inverse of a scale could overflow, and nothing that small
    // changes a sum.
    const ck_int_lanes above = (CK_NAME(bits)(magnitudes / (float)ck_factor_most(traits)) + 0xffff) >> 16;
    const ck_int_lanes is_small = magnitudes < 0x1p-100f;
    const ck_int_lanes brains = above & ~is_small;
    *(ck_short_lanes *)scales = __builtin_convertvector(brains, ck_short_lanes);
    float inverses[16];
    const ck_lanes units = CK_NAME(floats)((brains << 16) | (is_small & 0x3f800000));
    CK_NAME(store)(inverses, CK_NAME(floats)(CK_NAME(bits)(1.0f / units) & ~is_small));
    // Adding 1.5 · 2^23 leaves the nearest integer, ties to even, in the low bits of the sum.
    const ck_lanes magic = (ck_lanes)12582912.0f;
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t part = 0; part < parts; part++) {
            const char *place = from + row * stride + part * part_bytes;
            const ck_lanes scaled = CK_NAME(load_elements_up_to)(place, element, width) * inverses[row];
            const ck_lanes shifted = scaled + magic;
            const ck_int_lanes raised = CK_NAME(bits)(shifted) - CK_NAME(bits)(magic) + traits.zero;
            const ck_bytes_memory bytes = __builtin_convertvector(raised, ck_bytes_memory);
            for (int32_t step = 0; step < 4; step++)
                memcpy(codes + 256 * part + 64 * step + 4 * row, (const char *)&bytes + 4 * step, 4);
        }
    }
}

/// Codes of 5 or 6 bits of four or eight steps, `[steps, 64]`, as their low 4 bits, two steps to a byte, and what is above: of 6 bits
/// four steps to a byte, of 5 bits eight, or four in half a byte.
CK_INLINE void CK_NAME(join_codes)(const int bits, const uint8_t *from, const int32_t steps, uint8_t *codes) {
    uint8_t *high = codes + 32 * steps;
    for (int32_t s = 0; s < steps; s++) {
        for (int32_t i = 0; i < 64; i++) {
            const uint8_t code = from[64 * s + i], above = code >> 4;
            codes[64 * (s / 2) + i] |= (uint8_t)((code & 15) << s % 2 * 4);
            if (bits == 6) high[64 * (s / 4) + i] |= (uint8_t)(above << s % 4 * 2);
            else if (steps == 8) high[i] |= (uint8_t)(above << s);
            else high[i % 32] |= (uint8_t)(above << (i / 32 * 4 + s));
        }
    }
}

CK_INLINE void CK_NAME(pack_a)(
    ck_traits traits, const char *a, const int32_t element, int32_t rank, int32_t inputs, uint8_t *packed) {
    const ck_panel_layout layout = ck_layout_of(traits, inputs / 32);
    const ptrdiff_t stride = inputs * (ptrdiff_t)CK_NAME(bytes_of)(element);
    for (int32_t first = 0; first < rank; first += 16, packed += layout.end, a += 16 * stride) {
        const int32_t rows = rank - first < 16 ? rank - first : 16;
        for (int32_t g = 0; g < inputs / 32; g++) {
            uint8_t *codes = packed + g * layout.code_bytes, *scales = packed + layout.scales + g * layout.scale_bytes;
            const char *from = a + g * 32 * (ptrdiff_t)CK_NAME(bytes_of)(element);
            uint8_t wide[512] = {0};
            CK_NAME(pack_rows)(traits, from, stride, element, 2, rows, 16, wide, scales);
            CK_NAME(join_codes)(traits.bits, wide, 8, codes);
        }
    }
}

CK_INLINE void CK_NAME(pack_b)(
    ck_traits traits, const char *b, const int32_t element, int32_t rank, int32_t outputs, uint8_t *packed) {
    const ptrdiff_t stride = rank * (ptrdiff_t)CK_NAME(bytes_of)(element);
    for (int32_t first = 0; first < outputs; first += 16, b += 16 * stride) {
        const int32_t rows = outputs - first < 16 ? outputs - first : 16;
        for (int32_t k = 0; k < rank; k += 16, packed += ck_factor_b_bytes(traits.bits)) {
            const char *from = b + k * (ptrdiff_t)CK_NAME(bytes_of)(element);
            uint8_t wide[256] = {0}, *scales = packed + ck_factor_b_scales(traits.bits);
            CK_NAME(pack_rows)(traits, from, stride, element, 1, rows, rank - k, wide, scales);
            CK_NAME(join_codes)(traits.bits, wide, 4, packed);
        }
    }
}

void CK_NAME(ck_low_rank_pack_a)(int32_t form, ck_factor a, int32_t rank, int32_t inputs, void *packed) {
    const ck_traits traits = ck_traits_of(ck_factor_type(form));
    switch (a.element) {
    case ck_low_rank_f16: CK_NAME(pack_a)(traits, a.values, ck_cache_f16, rank, inputs, packed); break;
    case ck_low_rank_bf16: CK_NAME(pack_a)(traits, a.values, ck_cache_bf16, rank, inputs, packed); break;
    default: CK_NAME(pack_a)(traits, a.values, ck_cache_f32, rank, inputs, packed); break;
    }
}

void CK_NAME(ck_low_rank_pack_b)(int32_t form, ck_factor b, int32_t rank, int32_t outputs, void *packed) {
    const ck_traits traits = ck_traits_of(ck_factor_type(form));
    switch (b.element) {
    case ck_low_rank_f16: CK_NAME(pack_b)(traits, b.values, ck_cache_f16, rank, outputs, packed); break;
    case ck_low_rank_bf16: CK_NAME(pack_b)(traits, b.values, ck_cache_bf16, rank, outputs, packed); break;
    default: CK_NAME(pack_b)(traits, b.values, ck_cache_f32, rank, outputs, packed); break;
    }
}
