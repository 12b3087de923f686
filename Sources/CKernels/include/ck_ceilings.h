// What a core can do at best, to measure kernels against: loops that do nothing but the one thing. They are no part of a
// computation.
#ifndef CK_CEILINGS_H
#define CK_CEILINGS_H

#include "ck_instruction_set.h"

/// Multiplies signed with unsigned bytes and adds them up in int32, on registers only, as the products of `set` do:
/// vpdpbusd, vpmaddubsw and vpmaddwd, sdot where it was compiled in, or what the compiler makes of plain C.
///
/// Returns how many operations that was: a multiplication and its addition count two.
int64_t ck_ceiling_dot(ck_instruction_set set, int64_t rounds);

/// The same with float32 multiply-adds: fused, or a product and a sum where `set` has no fused ones.
int64_t ck_ceiling_multiply_add(ck_instruction_set set, int64_t rounds);

/// Reads `bytes[0 ..< count]`, count a multiple of 512 and `bytes` 64-byte aligned, with the widest loads of `set`, once and
/// in order, and returns the exclusive or of all 8-byte words. Prefetches up to 32 KiB past the end, which reads nothing there.
uint64_t ck_ceiling_read(ck_instruction_set set, const void *bytes, int64_t count);

#endif
