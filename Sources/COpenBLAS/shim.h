#pragma once
#include <cblas.h>

/* The library is opened at run time, not linked: which kernels it uses is settled when it loads,
 * from the environment, and must be chosen before that. These are the types of what is looked up. */
typedef __typeof__(cblas_sgemm) *openblas_sgemm;
typedef __typeof__(openblas_set_num_threads) *openblas_set_threads;
typedef __typeof__(openblas_get_parallel) *openblas_parallel;
typedef __typeof__(openblas_get_config) *openblas_text;
