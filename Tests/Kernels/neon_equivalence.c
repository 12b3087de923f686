// The NEON kernels beside the portable ones, for a machine or an emulator that runs AArch64: scripts/check-neon builds and
// runs it. The Swift tests do the same for the instruction sets of the machine they run on.
//
// Exit status 0 when every kernel agrees; a line on standard output for each that does not.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ck_attention.h"
#include "ck_ceilings.h"
#include "ck_elementwise.h"
#include "ck_encoder.h"
#include "ck_low_rank.h"
#include "ck_matmul.h"

enum { portable = ck_instruction_set_portable, neon = ck_instruction_set_neon };

static int failure_count, check_count;
static uint64_t state = 1;

static uint32_t next_random(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33);
}

/// Uniform in -range ... range.
static float next_float(float range) { return ((float)(next_random() % 20001) / 10000.0f - 1.0f) * range; }

static void fill(float *x, size_t count, float range) {
    for (size_t i = 0; i < count; i++) x[i] = next_float(range);
}

static void *allocate(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!memory) abort();
    memset(memory, 0, (bytes + 127) / 64 * 64);
    return memory;
}

static void report(const char *name, int detail, bool agrees) {
    check_count++;
    if (agrees) return;
    failure_count++;
    printf("neon_equivalence: %s (%d) differs\n", name, detail);
}

/// Whether all of `found` lies within `tolerance` of `expected`, relative to its mean magnitude, which must not be 0.
static bool is_near(const float *expected, const float *found, size_t count, double tolerance) {
    double magnitude = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double error = fabs((double)expected[i] - (double)found[i]);
        if (!(error <= worst)) worst = error;
        magnitude += fabs((double)expected[i]) / (double)count;
    }
    return magnitude > 0 && worst <= tolerance * magnitude;
}

// ---- Products

typedef struct {
    int32_t type;
    int32_t block_size, block_bytes;
} stored_type;

static const stored_type stored_types[] = {
    {0, 1, 4},      {1, 1, 2},      {30, 1, 2},     {2, 32, 18},    {3, 32, 20},    {6, 32, 22},   {7, 32, 24},   {8, 32, 34},
    {10, 256, 84},  {11, 256, 110}, {12, 256, 144}, {13, 256, 176}, {14, 256, 210}, {20, 32, 18},  {39, 32, 17},
};

enum { inputs = 512, outputs = 37, most_rows = 14, y_stride = 64, x_stride = 2 * inputs + 64, group_stride = 20 };

typedef struct {
    int8_t values[most_rows * x_stride];
    ck_activation_group groups[most_rows * group_stride];
    float y[most_rows * y_stride];
} product_result;

/// Rows `first ..< first + count` of the product on one instruction set.
static void multiply(
    ck_instruction_set set, const ck_panels *panels, const float *x, int32_t first, int32_t count,
    product_result *result) {
    const ck_activations activations = {result->values, x_stride, result->groups, group_stride, NULL};
    const int32_t shape[2] = {most_rows, inputs};
    const ck_destination y = {result->y, y_stride, NULL, false, NULL, 0};
    const ck_product_range range = {first, first + count, 0, (outputs + 15) / 16, 0, 0, NULL};
    const ck_activation_form form = ck_form_of(panels->type, inputs);
    ck_quantize_rows(set, x, inputs, activations, shape, form);
    if (form == ck_activation_form_float32) {
        const ck_float_rows rows = {x, inputs};
        ck_matmul_float(set, panels, rows, y, range);
    } else {
        ck_matmul_quantized(set, panels, &activations, y, range);
    }
}

static void check_product(stored_type stored) {
    const int64_t row_bytes = (int64_t)inputs / stored.block_size * stored.block_bytes;
    uint8_t *rows = allocate((size_t)row_bytes * outputs);
    // High bits of the scales stay clear, so that halves are finite.
    for (int64_t i = 0; i < row_bytes * outputs; i++) rows[i] = (uint8_t)(next_random() & 0x37);
    const int64_t panel_bytes = ck_panel_bytes(stored.type, inputs);
    ck_panels panels = {allocate((size_t)panel_bytes * 3), panel_bytes, stored.type, inputs, outputs, 0};
    ck_pack_panels(&panels, rows, row_bytes, 0, 3);
    float *x = allocate(sizeof(float) * most_rows * inputs);
    fill(x, (size_t)most_rows * inputs, 10);

    product_result *expected = allocate(sizeof *expected), *found = allocate(sizeof *found);
    product_result *alone = allocate(sizeof *alone);
    multiply(portable, &panels, x, 0, most_rows, expected);
    multiply(neon, &panels, x, 0, most_rows, found);
    report("ck_quantize_rows", stored.type, memcmp(expected->values, found->values, sizeof found->values) == 0);
    report("its groups", stored.type, memcmp(expected->groups, found->groups, sizeof found->groups) == 0);
    report("product", stored.type, is_near(expected->y, found->y, sizeof found->y / sizeof(float), 2e-5));
    for (int32_t row = 0; row < most_rows; row++) {
        multiply(neon, &panels, x, row, 1, alone);
        const float *together = found->y + row * y_stride;
        report("a row alone", stored.type, memcmp(alone->y + row * y_stride, together, sizeof(float) * outputs) == 0);
    }
    free(rows), free(panels.bytes), free(x), free(expected), free(found), free(alone);
}

// ---- Attention

enum { block_size = 32, kv_heads = 2, group = 3, positions = 600, block_count = (positions + block_size - 1) / block_size };

static void check_attention(int32_t element, int32_t head_width, int32_t window) {
    const size_t element_bytes = element == ck_cache_f32 ? 4 : element == ck_cache_i8 ? 1 : 2;
    const size_t scale_bytes = element == ck_cache_i8 || element == ck_cache_i16 ? 4 * block_size : 0;
    const size_t value_width = ((size_t)head_width + 15) / 16 * 16;
    const size_t key_bytes = ((size_t)head_width * block_size * element_bytes + scale_bytes + 63) / 64 * 64;
    const size_t head_bytes = key_bytes + (value_width * block_size * element_bytes + scale_bytes + 63) / 64 * 64;
    int32_t table[block_count];
    for (int32_t i = 0; i < block_count; i++) table[i] = (7 * i + 3) % block_count;

    const ptrdiff_t width = (ptrdiff_t)head_width * kv_heads, query_width = width * group;
    float *keys = allocate(sizeof(float) * (size_t)width * positions), *values = allocate(sizeof(float) * (size_t)width * positions);
    enum { token_count = 5 };
    float *queries = allocate(sizeof(float) * (size_t)query_width * token_count);
    fill(keys, (size_t)width * positions, 1), fill(values, (size_t)width * positions, 1);
    fill(queries, (size_t)query_width * token_count, 2);

    uint8_t *layers[2];
    float *results[2];
    for (int i = 0; i < 2; i++) {
        const ck_instruction_set set = i == 0 ? portable : neon;
        layers[i] = allocate(head_bytes * kv_heads * block_count + 4096);
        results[i] = allocate(sizeof(float) * (size_t)query_width * token_count);
        const ck_attention_cache cache = {
            layers[i], head_bytes * kv_heads, head_bytes, key_bytes, element, block_size, head_width, kv_heads,
        };
        ck_cache_write(set, &cache, table, 0, positions, keys, values, width);
        for (int32_t head = 0; head < kv_heads; head++) {
            const ptrdiff_t column = (ptrdiff_t)head * group * head_width;
            const ck_attention_tile tile = {
                queries + column, results[i] + column, query_width, query_width, table, head, group, token_count,
                positions - token_count, window, 1 / sqrtf((float)head_width), 0,
                {table, (head + 1) % kv_heads, 0, positions < 256 ? positions : 256},
            };
            float *scratch = allocate(sizeof(float) * ck_attention_scratch_count(&cache, token_count * group));
            ck_attention(set, &cache, &tile, scratch);
            free(scratch);
        }
    }
    const bool is_written_alike = memcmp(layers[0], layers[1], head_bytes * kv_heads * block_count) == 0;
    report("ck_cache_write", element, is_written_alike);
    report("ck_attention", element, is_near(results[0], results[1], (size_t)query_width * token_count, 1e-4));
    for (int i = 0; i < 2; i++) free(layers[i]), free(results[i]);
    free(keys), free(values), free(queries);
}

// ---- Element by element

enum { rows = 3, width = 200, count = rows * width };

static void check_norms(void) {
    float x[count], y[count], gain[width], out[2][count], sum[2][count];
    fill(x, count, 3), fill(y, count, 3), fill(gain, width, 2);
    for (int i = 0; i < 2; i++) {
        ck_rms_norm(i == 0 ? portable : neon, x, width, out[i], width, gain, 1e-5f, rows, width);
        memcpy(sum[i], x, sizeof x);
    }
    report("ck_rms_norm", width, is_near(out[0], out[1], count, 1e-5));
    for (int i = 0; i < 2; i++) ck_add_rms_norm(i == 0 ? portable : neon, sum[i], y, out[i], gain, 1e-5f, rows, width);
    report("ck_add_rms_norm", width, is_near(out[0], out[1], count, 1e-5) && is_near(sum[0], sum[1], count, 1e-6));
}

static void check_rotation(int32_t pairing) {
    enum { half = 20, head_width = 50, heads = 4, table_rows = 9 };
    float table[table_rows * 2 * half], x[2][count];
    fill(table, table_rows * 2 * half, 1), fill(x[0], count, 3);
    memcpy(x[1], x[0], sizeof x[0]);
    const int32_t where[rows] = {0, 8, 3};
    const ck_rotation rotation = {table, where, half, pairing};
    for (int i = 0; i < 2; i++) ck_rotate(i == 0 ? portable : neon, x[i], width, &rotation, rows, heads, head_width);
    report("ck_rotate", pairing, is_near(x[0], x[1], count, 1e-5));
}

static void check_activations(void) {
    float x[count], out[2][count], bias[width];
    fill(x, count, 8), fill(bias, width, 2);
    const size_t half = width / 2;
    for (int i = 0; i < 2; i++) ck_silu_gate(i == 0 ? portable : neon, x, x + half, width, out[i], half, rows, half);
    report("ck_silu_gate", 0, is_near(out[0], out[1], rows * half, 1e-5));
    for (int i = 0; i < 2; i++) ck_gelu_gate(i == 0 ? portable : neon, x, x + half, width, out[i], half, rows, half);
    report("ck_gelu_gate", 0, is_near(out[0], out[1], rows * half, 1e-5));
#define CHECK_IN_PLACE(name, tolerance, ...)                            \
    for (int i = 0; i < 2; i++) {                                       \
        const ck_instruction_set set = i == 0 ? portable : neon;        \
        memcpy(out[i], x, sizeof x);                                    \
        name(set, __VA_ARGS__);                                         \
    }                                                                   \
    report(#name, 0, is_near(out[0], out[1], count, tolerance));
    CHECK_IN_PLACE(ck_add, 1e-6, x, out[i], count)
    CHECK_IN_PLACE(ck_add_bias, 1e-6, bias, out[i], rows, width)
    CHECK_IN_PLACE(ck_scale, 1e-6, out[i], 0.37f, count)
    CHECK_IN_PLACE(ck_softcap, 1e-5, out[i], 3, count)
    CHECK_IN_PLACE(ck_softmax, 1e-4, out[i], count)
}

static void check_reductions(void) {
    float x[count], weights[2][count];
    for (size_t size = 1; size <= count; size += 13) {
        fill(x, size, 20);
        report("ck_maximum", (int)size, ck_maximum(portable, x, size) == ck_maximum(neon, x, size));
        report("ck_argmax", (int)size, ck_argmax(portable, x, size) == ck_argmax(neon, x, size));
        const float sums[2] = {ck_log_sum_exp(portable, x, size), ck_log_sum_exp(neon, x, size)};
        report("ck_log_sum_exp", (int)size, is_near(sums, sums + 1, 1, 1e-5));
        const float largest = ck_maximum(portable, x, size);
        const float a = ck_exp_weights(portable, x, weights[0], largest, 0.7f, size);
        const float b = ck_exp_weights(neon, x, weights[1], largest, 0.7f, size);
        report("ck_exp_weights", (int)size, is_near(&a, &b, 1, 1e-5) && is_near(weights[0], weights[1], size, 1e-4));
    }
}

// ---- Encoders

static void check_encoders(void) {
    float x[count], gain[width], bias[width], out[2][count];
    fill(x, count, 8), fill(gain, width, 2), fill(bias, width, 2);
    const ck_layer_norm_parameters parameters = {gain, bias, width, 1e-12f};
    for (int i = 0; i < 2; i++) ck_layer_norm(i == 0 ? portable : neon, x, out[i], &parameters, rows);
    report("ck_layer_norm", width, is_near(out[0], out[1], count, 1e-5));
    for (int i = 0; i < 2; i++) ck_mean_row(i == 0 ? portable : neon, x, out[i], rows, width);
    report("ck_mean_row", width, is_near(out[0], out[1], width, 1e-6));
    for (int i = 0; i < 2; i++) memcpy(out[i], x, sizeof x), ck_unit_rows(i == 0 ? portable : neon, out[i], rows, width);
    report("ck_unit_rows", width, is_near(out[0], out[1], count, 1e-5));
    for (int i = 0; i < 2; i++) memcpy(out[i], x, sizeof x), ck_gelu_exact(i == 0 ? portable : neon, out[i], count);
    report("ck_gelu_exact", 0, is_near(out[0], out[1], count, 1e-6));
}

static void check_text_attention(int32_t head_width) {
    enum { tokens = 37, heads = 3 };
    const size_t row = (size_t)head_width * heads;
    float *fused = allocate(sizeof(float) * tokens * 3 * row);
    float *scratch = allocate(sizeof(float) * ck_text_scratch_count(tokens, head_width));
    float *results[3];
    fill(fused, tokens * 3 * row, 2);
    for (int i = 0; i < 3; i++) {
        results[i] = allocate(sizeof(float) * tokens * row);
        // The third is the second in two parts.
        for (int32_t from = 0; from < tokens; from += i == 2 ? 20 : tokens) {
            for (size_t head = 0; head < heads; head++) {
                const float *column = fused + head * (size_t)head_width;
                const int32_t end = i == 2 && from == 0 ? 20 : tokens;
                const ck_text_tile tile = {
                    column, column + row, column + 2 * row, results[i] + head * (size_t)head_width, (ptrdiff_t)(3 * row),
                    (ptrdiff_t)row, tokens, from, end, head_width, 1 / sqrtf((float)head_width),
                };
                ck_attend_text(i == 0 ? portable : neon, &tile, scratch);
            }
        }
    }
    report("ck_attend_text", head_width, is_near(results[0], results[1], tokens * row, 1e-5));
    report("its parts", head_width, memcmp(results[1], results[2], sizeof(float) * tokens * row) == 0);
    for (int i = 0; i < 3; i++) free(results[i]);
    free(fused), free(scratch);
}

static void check_low_rank(int32_t element) {
    enum { rank = 7, inputs = 50, outputs = 37, rows = 13, padded = 64, panels = 3 };
    const size_t bytes = element == ck_low_rank_f32 ? 4 : 2;
    const size_t a_count = rank * padded, b_count = panels * rank * 16;
    uint8_t *a = allocate(a_count * bytes), *b = allocate(b_count * bytes);
    float x[rows * inputs], t[2][rows * rank], y[2][rows * outputs];
    for (size_t i = 0; i < a_count + b_count; i++) {
        const float value = i < a_count && i % padded >= inputs ? 0 : next_float(1);
        // The upper half of a float is bf16, and as f16 a finite number too.
        uint32_t bits;
        memcpy(&bits, &value, 4);
        const uint16_t half = element == ck_low_rank_f16 ? (uint16_t)(bits >> 16 & 0xbbff) : (uint16_t)(bits >> 16);
        uint8_t *place = i < a_count ? a + i * bytes : b + (i - a_count) * bytes;
        memcpy(place, bytes == 4 ? (const void *)&value : (const void *)&half, bytes);
    }
    const ck_low_rank change = {a, b, element, rank, inputs, outputs, 0.5f, 0};
    fill(x, rows * inputs, 1), fill(y[0], rows * outputs, 1);
    memcpy(y[1], y[0], sizeof y[0]);
    for (int i = 0; i < 2; i++) {
        ck_low_rank_shrink(i ? neon : portable, &change, x, inputs, t[i], rank, rows);
        ck_low_rank_expand(i ? neon : portable, &change, t[i], rank, y[i], outputs, rows, 0, panels);
    }
    report("ck_low_rank_shrink", element, is_near(t[0], t[1], rows * rank, 1e-5));
    report("ck_low_rank_expand", element, is_near(y[0], y[1], rows * outputs, 1e-5));
    free(a), free(b);
}

/// Factors in codes beside a product: some rows alone, some together, some changed twice, some not at all.
static void check_low_rank_codes(int32_t form) {
    enum { rank = 24, columns = 32, width = 64, outputs = 40, rows = 13 };
    float a[rank * width], b[outputs * rank], x[rows * width], y[2][rows * outputs], t[rows * 2 * columns];
    fill(a, rank * width, 1), fill(b, outputs * rank, 1), fill(x, rows * width, 1);
    const size_t a_bytes = (size_t)ck_low_rank_a_bytes(form, rank, width);
    const size_t b_bytes = (size_t)ck_low_rank_b_bytes(form, rank, outputs);
    uint8_t *packed_a = allocate(a_bytes), *packed_b = allocate(b_bytes);
    uint8_t *neon_a = allocate(a_bytes), *neon_b = allocate(b_bytes);
    const ck_factor factors[] = {{a, ck_low_rank_f32}, {b, ck_low_rank_f32}};
    ck_low_rank_pack_a(portable, form, factors[0], rank, width, packed_a);
    ck_low_rank_pack_b(portable, form, factors[1], rank, outputs, packed_b);
    ck_low_rank_pack_a(neon, form, factors[0], rank, width, neon_a);
    ck_low_rank_pack_b(neon, form, factors[1], rank, outputs, neon_b);
    report("ck_low_rank_pack_a", form, !memcmp(neon_a, packed_a, a_bytes));
    report("ck_low_rank_pack_b", form, !memcmp(neon_b, packed_b, b_bytes));
    free(neon_a), free(neon_b);
    const ck_low_rank change = {packed_a, packed_b, form, rank, width, outputs, 0.5f, 0};
    ck_low_rank_segment segments[4] = {
        {.row_end = 1, .change = change},
        {.first_row = 2, .row_end = 10, .change = change},
        {.first_row = 10, .row_end = 12, .next = 1, .change = change},
        {.first_row = 10, .row_end = 12, .first_column = columns, .is_next = true, .change = change},
    };
    int8_t values[rows * 128], t_values[rows * 2 * columns];
    ck_activation_group groups[rows * 2], t_groups[rows * 4];
    const ck_activations quantized = {values, 128, groups, 2, NULL};
    const ck_low_rank_update update = {
        segments, 4, true, false, t, 2 * columns, {t_values, 2 * columns, t_groups, 4, NULL},
    };
    uint8_t *blocks = allocate(outputs * width / 32 * 34);
    for (int i = 0; i < outputs * width / 32; i++) {
        const uint16_t scale = 0x2c00;
        memcpy(blocks + i * 34, &scale, 2);
        for (int k = 0; k < 32; k++) blocks[i * 34 + 2 + k] = (uint8_t)next_random();
    }
    ck_panels panels = {0, ck_panel_bytes(8, width), 8, width, outputs, 0};
    panels.bytes = allocate((size_t)(3 * panels.panel_bytes));
    ck_pack_panels(&panels, blocks, width / 32 * 34, 0, 3);
    for (int i = 0; i < 2; i++) {
        const ck_instruction_set set = i ? neon : portable;
        const int32_t shape[2] = {rows, width};
        ck_quantize_rows(set, x, width, quantized, shape, ck_activation_form_int8);
        ck_low_rank_update_shrink_codes(set, &update, &quantized, 0, rows);
        const ck_destination destination = {y[i], outputs, 0, false, &update, 0};
        ck_matmul_quantized(set, &panels, &quantized, destination, (ck_product_range){0, rows, 0, 3, 0, 0, NULL});
    }
    report("low-rank changes in codes", form, is_near(y[0], y[1], rows * outputs, 1e-5));
    free(packed_a), free(packed_b), free(blocks), free(panels.bytes);
}

/// Ceilings are loops, not results: they must count what they did and read what there is.
static void check_ceilings(void) {
    _Alignas(64) uint64_t words[128];
    uint64_t all = 0;
    for (int i = 0; i < 128; i++) all ^= words[i] = ((uint64_t)next_random() << 32) | next_random();
    report("ck_ceiling_read", 1024, ck_ceiling_read(neon, words, 1024) == all);
    report("ck_ceiling_dot", 2, ck_ceiling_dot(neon, 2) > 0 && ck_ceiling_dot(neon, 4) == 2 * ck_ceiling_dot(neon, 2));
    const int64_t once = ck_ceiling_multiply_add(neon, 2);
    report("ck_ceiling_multiply_add", 2, once > 0 && ck_ceiling_multiply_add(neon, 4) == 2 * once);
}

int main(void) {
    if (!ck_instruction_set_is_available(neon)) {
        puts("neon_equivalence: this processor has no NEON");
        return 2;
    }
    for (size_t i = 0; i < sizeof stored_types / sizeof *stored_types; i++) check_product(stored_types[i]);
    const int32_t elements[] = {ck_cache_f32, ck_cache_f16, ck_cache_bf16, ck_cache_i8, ck_cache_i16};
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        check_attention(elements[i], 64, 0);
        check_attention(elements[i], 80, 100);
    }
    check_norms();
    check_rotation(ck_pairing_adjacent);
    check_rotation(ck_pairing_halves);
    check_activations();
    check_reductions();
    check_encoders();
    check_text_attention(32);
    check_text_attention(20);
    check_low_rank(ck_low_rank_f32);
    check_low_rank(ck_low_rank_f16);
    check_low_rank(ck_low_rank_bf16);
    check_low_rank_codes(ck_low_rank_i5);
    check_low_rank_codes(ck_low_rank_i6);
    check_ceilings();
    printf("neon_equivalence: %d of %d checks agree\n", check_count - failure_count, check_count);
    return failure_count > 0;
}
