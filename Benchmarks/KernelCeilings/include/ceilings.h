#ifndef HEARTH_CEILINGS_H
#define HEARTH_CEILINGS_H

#include <stdint.h>

/// Runs 8-bit dot products on registers only and returns how many operations (a multiplication and an addition count two)
/// that was; 0 where the machine lacks AVX-512 VNNI, whose ceiling it is. Ask only where the instruction set is there.
int64_t ceiling_int8(int64_t rounds);

/// The same with float32 fused multiply-adds on AVX-512 (`wide` not 0) or AVX2.
int64_t ceiling_float(int64_t rounds, int32_t wide);

/// Reads `count` 8-byte words, a multiple of 32, with AVX2 loads and returns their exclusive or.
uint64_t ceiling_read(const uint64_t *words, int64_t count);

#endif
