// One loop per instruction set and ceiling. The compiler must neither fold equal rounds into one nor drop sums that nobody
// reads, so registers pass through empty assembly.
#include "include/ck_ceilings.h"

enum { SUMS = 12, PREFETCH_BYTES = 32768 };

#define KEEP_SUMS(sums, constraint) \
    for (int i = 0; i < SUMS; i++) __asm__ volatile("" : constraint((sums)[i]))

// The functions of one set: `step` adds the products of a and b to sums[i]; a round is two steps for each sum.
#define CEILING(name, attributes, vector, zero, left, right, constraint, operations, step)         \
    attributes static int64_t name(int64_t rounds) {                                               \
        vector sums[SUMS], a = left, b = right;                                                    \
        for (int i = 0; i < SUMS; i++) sums[i] = zero;                                             \
        for (int64_t n = 0; n < rounds; n++) {                                                     \
            __asm__ volatile("" : constraint(a), constraint(b));                                   \
            _Pragma("unroll") for (int i = 0; i < SUMS; i++) { step; }                             \
            __asm__ volatile("" : constraint(a), constraint(b));                                   \
            _Pragma("unroll") for (int i = 0; i < SUMS; i++) { step; }                             \
        }                                                                                          \
        KEEP_SUMS(sums, constraint);                                                               \
        return rounds * 2 * SUMS * (operations);                                                   \
    }

#define READ(name, attributes, vector, zero, load, join, words)                                    \
    attributes static uint64_t name(const uint8_t *bytes, int64_t count) {                         \
        enum { LINES = 8 };                                                                        \
        vector sums[LINES];                                                                        \
        for (int i = 0; i < LINES; i++) sums[i] = zero;                                            \
        for (int64_t n = 0; n < count; n += LINES * (int64_t)sizeof(vector)) {                     \
            for (int64_t line = 0; line < LINES * (int64_t)sizeof(vector); line += 64)             \
                __builtin_prefetch(bytes + n + line + PREFETCH_BYTES, 0, 2);                       \
            _Pragma("unroll") for (int i = 0; i < LINES; i++)                                      \
                sums[i] = join(sums[i], load(bytes + n + i * (int64_t)sizeof(vector)));            \
        }                                                                                          \
        uint64_t all = 0, parts[words];                                                            \
        for (int i = 0; i < LINES; i++) {                                                          \
            __builtin_memcpy(parts, &sums[i], sizeof parts);                                       \
            for (int word = 0; word < (words); word++) all ^= parts[word];                         \
        }                                                                                          \
        return all;                                                                                \
    }

// Plain C: the compiler makes of sixteen lanes what the baseline has.
typedef int32_t lanes __attribute__((vector_size(64)));
typedef float float_lanes __attribute__((vector_size(64)));
typedef uint64_t word_lanes __attribute__((vector_size(64)));

static int64_t dot_portable(int64_t rounds) {
    lanes sums[2] = {{0}, {0}}, a = {1, 2, 3, 4}, b = {4, 3, 2, 1};
    for (int64_t n = 0; n < rounds; n++) {
        __asm__ volatile("" : "+m"(a), "+m"(b));
        for (int i = 0; i < 2; i++)
            // Four bytes of a lane are four products, as in the portable kernel.
            for (int shift = 0; shift < 32; shift += 8) sums[i] += ((a >> shift) & 127) * ((b >> shift) & 127);
    }
    for (int i = 0; i < 2; i++) __asm__ volatile("" : "+m"(sums[i]));
    return rounds * 2 * 16 * 4 * 2;
}

static int64_t multiply_add_portable(int64_t rounds) {
    float_lanes sums[2] = {{0}, {0}}, a = {0.5f, 0.25f}, b = {0.25f, 0.5f};
    for (int64_t n = 0; n < rounds; n++) {
        __asm__ volatile("" : "+m"(a), "+m"(b));
        for (int i = 0; i < 2; i++) sums[i] += a * b;
    }
    for (int i = 0; i < 2; i++) __asm__ volatile("" : "+m"(sums[i]));
    return rounds * 2 * 16 * 2;
}

#define LOAD_PORTABLE(bytes) (*(const word_lanes *)(bytes))
#define JOIN_PORTABLE(a, b) ((a) ^ (b))
READ(read_portable, , word_lanes, (word_lanes){0}, LOAD_PORTABLE, JOIN_PORTABLE, 8)

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512bw")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

CEILING(
    dot_avx2, AVX2, __m256i, _mm256_setzero_si256(), _mm256_set1_epi8(1), _mm256_set1_epi8(2), "+x", 64,
    sums[i] = _mm256_add_epi32(
        sums[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)));
    __asm__ volatile("" : "+x"(a)))
CEILING(
    dot_avx512, AVX512, __m512i, _mm512_setzero_si512(), _mm512_set1_epi8(1), _mm512_set1_epi8(2), "+v", 128,
    sums[i] = _mm512_add_epi32(
        sums[i], _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1)));
    __asm__ volatile("" : "+v"(a)))
CEILING(
    dot_avx512vnni, VNNI, __m512i, _mm512_setzero_si512(), _mm512_set1_epi8(1), _mm512_set1_epi8(2), "+v", 128,
    sums[i] = _mm512_dpbusd_epi32(sums[i], a, b))
CEILING(
    multiply_add_avx2, AVX2, __m256, _mm256_setzero_ps(), _mm256_set1_ps(0.5f), _mm256_set1_ps(0.25f), "+x", 16,
    sums[i] = _mm256_fmadd_ps(a, b, sums[i]))
CEILING(
    multiply_add_avx512, AVX512, __m512, _mm512_setzero_ps(), _mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f), "+v", 32,
    sums[i] = _mm512_fmadd_ps(a, b, sums[i]))

#define LOAD_AVX2(bytes) _mm256_load_si256((const __m256i *)(bytes))
#define LOAD_AVX512(bytes) _mm512_load_si512(bytes)
READ(read_avx2, AVX2, __m256i, _mm256_setzero_si256(), LOAD_AVX2, _mm256_xor_si256, 4)
READ(read_avx512, AVX512, __m512i, _mm512_setzero_si512(), LOAD_AVX512, _mm512_xor_si512, 8)

int64_t ck_ceiling_dot(ck_instruction_set set, int64_t rounds) {
    switch (set) {
    case ck_instruction_set_avx512vnni: return dot_avx512vnni(rounds);
    case ck_instruction_set_avx512: return dot_avx512(rounds);
    case ck_instruction_set_avx2: return dot_avx2(rounds);
    default: return dot_portable(rounds);
    }
}

int64_t ck_ceiling_multiply_add(ck_instruction_set set, int64_t rounds) {
    switch (set) {
    case ck_instruction_set_avx512vnni:
    case ck_instruction_set_avx512: return multiply_add_avx512(rounds);
    case ck_instruction_set_avx2: return multiply_add_avx2(rounds);
    default: return multiply_add_portable(rounds);
    }
}

uint64_t ck_ceiling_read(ck_instruction_set set, const void *bytes, int64_t count) {
    switch (set) {
    case ck_instruction_set_avx512vnni:
    case ck_instruction_set_avx512: return read_avx512(bytes, count);
    case ck_instruction_set_avx2: return read_avx2(bytes, count);
    default: return read_portable(bytes, count);
    }
}

#else

#if defined(__aarch64__)
#include <arm_neon.h>

#if defined(__ARM_FEATURE_DOTPROD)
CEILING(
    dot_neon, , int32x4_t, vdupq_n_s32(0), vdupq_n_s32(0x01010101), vdupq_n_s32(0x02020202), "+w", 32,
    sums[i] = vdotq_s32(sums[i], vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b)))
#else
CEILING(
    dot_neon, , int32x4_t, vdupq_n_s32(0), vdupq_n_s32(0x01010101), vdupq_n_s32(0x02020202), "+w", 16,
    sums[i] = vpadalq_s16(sums[i], vmull_s8(vget_low_s8(vreinterpretq_s8_s32(a)), vget_low_s8(vreinterpretq_s8_s32(b))));
    __asm__ volatile("" : "+w"(a)))
#endif
CEILING(
    multiply_add_neon, , float32x4_t, vdupq_n_f32(0), vdupq_n_f32(0.5f), vdupq_n_f32(0.25f), "+w", 8,
    sums[i] = vfmaq_f32(sums[i], a, b))
#endif

int64_t ck_ceiling_dot(ck_instruction_set set, int64_t rounds) {
#if defined(__aarch64__)
    if (set == ck_instruction_set_neon) return dot_neon(rounds);
#endif
    (void)set;
    return dot_portable(rounds);
}

int64_t ck_ceiling_multiply_add(ck_instruction_set set, int64_t rounds) {
#if defined(__aarch64__)
    if (set == ck_instruction_set_neon) return multiply_add_neon(rounds);
#endif
    (void)set;
    return multiply_add_portable(rounds);
}

uint64_t ck_ceiling_read(ck_instruction_set set, const void *bytes, int64_t count) {
    (void)set;
    return read_portable(bytes, count);
}
#endif
