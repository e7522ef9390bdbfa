/* Elementwise and low-rank kernels.
 *
 * Every kernel is compiled three times (any x86-64, AVX2, AVX-512) from one text and chosen at run
 * time. All three give identical bits: sums use sixteen fixed accumulators whatever the width of
 * the registers, and no multiplication and addition are fused but in what is named `fused` or
 * `panels`, where all are: those need the instruction (any level but the baseline) to be fast.
 *
 * Matrices are row-major. `rows` and `columns` count elements; `stride` is the distance between
 * rows, in elements. Nothing here allocates, and nothing keeps a pointer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one build of the kernels is made for. */
enum { TK_LEVEL_BASELINE = 0, TK_LEVEL_AVX2 = 1, TK_LEVEL_AVX512 = 2, TK_LEVEL_COUNT = 3 };

/* Columns of a panel of a matrix that rows are multiplied by. */
enum { TK_PANEL = 32 };

/* The activation between the two feed-forward matrices. */
enum { TK_GELU = 0, TK_GELU_TANH = 1, TK_RELU = 2 };

typedef struct tk_kernels {
    /* out = act(x + bias); `out` may be `x`; a null bias is zero. */
    void (*activate)(int kind, const float *x, const float *bias, float *out, size_t rows,
                     size_t columns);
    /* dx = dout * act'(x + bias), overwriting; `dx` may be `dout`. */
    void (*activate_backward)(int kind, const float *x, const float *bias, const float *dout,
                              float *dx, size_t rows, size_t columns);
    /* The same with fused multiply-adds in the polynomials. */
    void (*activate_fused)(int kind, const float *x, const float *bias, float *out, size_t rows,
                           size_t columns);
    void (*activate_backward_fused)(int kind, const float *x, const float *bias,
                                    const float *dout, float *dx, size_t rows, size_t columns);
    /* x += bias, row by row. */
    void (*add_bias)(float *x, const float *bias, size_t rows, size_t columns, size_t stride);

    /* y = LayerNorm(x + bias + residual). Null bias or residual is zero. `y` may be `x`.
     * With `normalized` (rows, columns) and `inverse` (rows) given, keeps what backward needs. */
    void (*normalize)(const float *x, const float *bias, const float *residual,
                      const float *gamma, const float *beta, float epsilon, float *y,
                      float *normalized, float *inverse, size_t rows, size_t columns);
    /* dx = d(sum)/dx for y of `normalize`, overwriting; the same value flows into the residual. */
    void (*normalize_backward)(const float *dy, const float *gamma, const float *normalized,
                               const float *inverse, float *dx, size_t rows, size_t columns);

    /* Softmax over the first `columns` of each row, in place; the rest of the row becomes zero. */
    void (*softmax)(float *x, size_t rows, size_t columns, size_t stride);
    /* dp becomes scale * d(logits), in place, from p and d(p). */
    void (*softmax_backward)(const float *p, float *dp, float scale, size_t rows, size_t columns,
                             size_t stride);

    /* out[t] = words[ids[t]] + types + positions[t]. */
    void (*embed)(const int32_t *ids, size_t count, const float *words, const float *types,
                  const float *positions, float *out, size_t columns);

    /* c[i,j] = scale * sum over k of a[i * row_step + k * inner_step] b[k,j], overwriting. */
    void (*multiply_small)(const float *a, size_t row_step, size_t inner_step, const float *b,
                           size_t b_stride, float *c, size_t c_stride, size_t rows,
                           size_t columns, size_t inner, float scale);
    /* out[j,i] = x[i,j]; rows of `out` are filled up with zeros to a multiple of sixteen. */
    void (*transpose)(const float *x, size_t x_stride, size_t rows, size_t columns, float *out,
                      size_t out_stride);

    /* The same by fused multiply-adds, of any size. */
    void (*multiply_fused)(const float *a, size_t row_step, size_t inner_step, const float *b,
                           size_t b_stride, float *c, size_t c_stride, size_t rows,
                           size_t columns, size_t inner, float scale);
    /* c[t,j] = sum over k of x[t,k] b[k,j], by fused multiply-adds, for b in panels. */
    void (*multiply_panels)(const float *x, size_t x_stride, const float *panels, float *c,
                            size_t c_stride, size_t rows, size_t columns, size_t inner);
    /* Lays b (inner, columns), or the transpose of w (columns, inner), out in panels of TK_PANEL
     * columns, the last one filled up with zeros. */
    void (*pack)(const float *b, size_t b_stride, float *panels, size_t inner, size_t columns);
    void (*pack_transposed)(const float *w, size_t w_stride, float *panels, size_t inner,
                            size_t columns);

    /* u[t,j] = sum over k of x[t,k] a[j,k], overwriting. */
    void (*project)(const float *x, size_t x_stride, const float *a, float *u, size_t rows,
                    size_t columns, size_t rank);
    /* y[t,n] += scale * sum over j of u[t,j] b[j,n]. */
    void (*expand)(const float *u, const float *b, float scale, float *y, size_t y_stride,
                   size_t rows, size_t columns, size_t rank);
    /* g[j,k] += scale * sum over t of v[t,j] x[t,k]. */
    void (*outer)(const float *v, const float *x, size_t x_stride, float scale, float *g,
                  size_t rows, size_t columns, size_t rank);
    /* out = x / (1 - p) where the element is kept, 0 where it is dropped (chance p, by counter). */
    void (*dropout)(const float *x, size_t x_stride, float *out, float p, uint64_t key,
                    uint64_t first_row, size_t rows, size_t columns);
    /* y += dropout's mask applied to d, with the same key. */
    void (*dropout_backward_add)(const float *d, float *y, size_t y_stride, float p, uint64_t key,
                                 uint64_t first_row, size_t rows, size_t columns);

    /* out = mean of the rows. */
    void (*mean)(const float *x, float *out, size_t rows, size_t columns);
    /* Every row of dx = dout / rows, overwriting. */
    void (*mean_backward)(const float *dout, float *dx, size_t rows, size_t columns);
    /* out = greatest of the rows by column, and the row it came from. */
    void (*greatest)(const float *x, float *out, int32_t *from, size_t rows, size_t columns);
    /* x / max(length of x, 1e-12), in place; the length goes to `length`. */
    void (*unit)(float *x, float *length, size_t columns);
    /* dx = d(x)/d(unit vector y) applied to dy, overwriting; `dx` may be `dy`. */
    void (*unit_backward)(const float *y, float length, const float *dy, float *dx,
                          size_t columns);

    void (*add)(float *y, const float *x, size_t count);
    void (*scale)(float *y, float by, size_t count);
    /* Sum of squares in double precision: finite if and only if every element is. */
    double (*sum_of_squares)(const float *x, size_t count);
    /* One AdamW step over flat arrays (Loshchilov and Hutter 2019, as in PyTorch). */
    void (*adamw)(float *parameters, float *m, float *v, const float *gradient, size_t count,
                  float gradient_scale, float beta1, float beta2, float decay_factor,
                  float step_size, float root_correction, float epsilon);
} tk_kernels;

/* The kernels of one level; null when this processor cannot run them. */
const tk_kernels *tk_kernels_at(int level);

/* The highest level this processor runs. */
int tk_best_level(void);

/* What OpenBLAS kernels this processor can run: true with AVX, with AVX-512 F, CD, BW, DQ, VL. */
bool tk_has_avx(void);
bool tk_has_avx512(void);
