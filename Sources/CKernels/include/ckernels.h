/// Every kernel of Hearth: arithmetic on pointers.
///
/// No function here allocates, starts a thread or keeps state. Shapes are `[outermost, …, innermost]` with axis names,
/// row-major unless a layout is named. Pointers never alias unless the kernel says so. The first argument of a kernel
/// that has more than one implementation is the instruction set to use; the caller must have checked that the machine
/// has it (`ck_instruction_set_is_available`).
///
/// Determinism: the order of every floating-point reduction depends on the reduced length only, never on the number of
/// rows, on tiling, on the thread or on alignment. Results of different instruction sets may differ in the last bits.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_instruction_set.h"
#if __has_include("ck_quantize.h")
#include "ck_quantize.h"
#endif
#if __has_include("ck_matmul.h")
#include "ck_matmul.h"
#endif
#if __has_include("ck_attention.h")
#include "ck_attention.h"
#endif
#if __has_include("ck_elementwise.h")
#include "ck_elementwise.h"
#endif
#include "ck_encoder.h"
#include "ck_low_rank.h"
#include "ck_ceilings.h"

#endif
