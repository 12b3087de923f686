// Choosing a kernel's implementation. A kernel `ck_x(set, …)` has one implementation per instruction set, `ck_x_avx2(…)`
// and so on, compiled from one body in templates/ by isa_<set>.c.

#include "include/ck_instruction_set.h"

// Declares the implementations of a kernel; `parameters` in parentheses, without the instruction set.
#if defined(__x86_64__)
#define CK_DECLARE(type, name, parameters)                                                                         \
    type name##_portable parameters;                                                                               \
    type name##_avx2 parameters;                                                                                   \
    type name##_avx512 parameters;
#elif defined(__aarch64__)
#define CK_DECLARE(type, name, parameters)                                                                         \
    type name##_portable parameters;                                                                               \
    type name##_neon parameters;
#else
#define CK_DECLARE(type, name, parameters) type name##_portable parameters;
#endif

// Returns what the implementation for `set` returns; an unknown set gets portable C.
#if defined(__x86_64__)
#define CK_DISPATCH(set, name, arguments)                                                                          \
    switch (set) {                                                                                                 \
    case ck_instruction_set_avx512vnni:                                                                            \
    case ck_instruction_set_avx512: return name##_avx512 arguments;                                                \
    case ck_instruction_set_avx2: return name##_avx2 arguments;                                                    \
    default: return name##_portable arguments;                                                                     \
    }
#elif defined(__aarch64__)
#define CK_DISPATCH(set, name, arguments)                                                                          \
    switch (set) {                                                                                                 \
    case ck_instruction_set_neon: return name##_neon arguments;                                                    \
    default: return name##_portable arguments;                                                                     \
    }
#else
#define CK_DISPATCH(set, name, arguments) return name##_portable arguments;
#endif
