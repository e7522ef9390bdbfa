#include "CKernels.h"
#include <string.h>

/* The three builds of the kernels differ in the instructions the compiler may use, not in what
 * they compute: vectors of sixteen floats are one, two or four registers, and contraction of a
 * multiplication with an addition is off for all: the products that fuse them say so. */
#pragma STDC FP_CONTRACT OFF
/* Functions that take vectors are inlined always, so no calling convention is involved. */
#pragma clang diagnostic ignored "-Wpsabi"

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t ilanes __attribute__((vector_size(64)));
typedef uint32_t ulanes __attribute__((vector_size(64)));
typedef float half_lanes __attribute__((vector_size(32)));
typedef double dlanes __attribute__((vector_size(64)));

enum { width = 16 };

/* Rows of a product computed side by side, and vectors of columns: as many as the registers of a
 * level hold. */
#define LEVEL(name) name##_baseline
#define block_rows 1
#define fused_rows 1
#define fused_vectors 1
#include "kernels_body.h"
#undef block_rows
#undef fused_rows
#undef fused_vectors
#undef LEVEL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define LEVEL(name) name##_avx2
#define block_rows 2
#define fused_rows 6
#define fused_vectors 1
#include "kernels_body.h"
#undef block_rows
#undef fused_rows
#undef fused_vectors
#undef LEVEL
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#define LEVEL(name) name##_avx512
#define block_rows 8
#define fused_rows 14
#define fused_vectors 2
#include "kernels_body.h"
#undef block_rows
#undef fused_rows
#undef fused_vectors
#undef LEVEL
#pragma clang attribute pop

bool tk_has_avx(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx");
}

bool tk_has_avx512(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd")
           && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
           && __builtin_cpu_supports("avx512vl");
}

int tk_best_level(void) {
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (!avx2) return TK_LEVEL_BASELINE;
    return tk_has_avx512() ? TK_LEVEL_AVX512 : TK_LEVEL_AVX2;
}

const tk_kernels *tk_kernels_at(int level) {
    if (level < 0 || level > tk_best_level()) return NULL;
    if (level == TK_LEVEL_BASELINE) return &table_baseline;
    return level == TK_LEVEL_AVX2 ? &table_avx2 : &table_avx512;
}
#else
bool tk_has_avx(void) { return false; }
bool tk_has_avx512(void) { return false; }
int tk_best_level(void) { return TK_LEVEL_BASELINE; }
const tk_kernels *tk_kernels_at(int level) {
    return level == TK_LEVEL_BASELINE ? &table_baseline : NULL;
}
#endif
