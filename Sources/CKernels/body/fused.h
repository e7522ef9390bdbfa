/* Products of any size by fused multiply-adds. Each element is one chain along the inner dimension,
 * from zero: its bits depend on its row and its column alone, not on the rows beside it, the
 * blocking or the registers, and are the same on every processor that has the instruction. */

/* A block of results kept in registers: `rows` of `vectors` times sixteen columns, of which
 * `stored` are written of the last sixteen and `loaded` can be read. */
INLINE void LEVEL(fused_block)(const float *a, size_t row_step, size_t inner_step, const float *b,
                               size_t b_stride, size_t loaded, float *c, size_t c_stride,
                               size_t stored, size_t rows, size_t vectors, size_t inner,
                               float scale) {
    /* Unrolled by word: the compiler would else keep some of the smaller blocks in memory. */
    lanes total[fused_rows][fused_vectors];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) total[i][v] = LEVEL(splat)(0);
    for (size_t k = 0; k < inner; k++) {
        lanes right[fused_vectors];
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++)
            right[v] = LEVEL(load)(b + v * width, v + 1 < vectors ? width : loaded);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            lanes left = LEVEL(splat)(a[i * row_step]);
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++)
                total[i][v] = __builtin_elementwise_fma(left, right[v], total[i][v]);
        }
        a += inner_step;
        b += b_stride;
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++)
            LEVEL(store)(c + i * c_stride + v * width, total[i][v] * scale,
                         v + 1 < vectors ? width : stored);
}

/* All rows of one block of columns. */
INLINE void LEVEL(fused_columns)(const float *a, size_t row_step, size_t inner_step,
                                 const float *b, size_t b_stride, size_t loaded, float *c,
                                 size_t c_stride, size_t stored, size_t rows, size_t vectors,
                                 size_t inner, float scale) {
    size_t i = 0;
#define SOME_ROWS(count)                                                                          \
    LEVEL(fused_block)(a + i * row_step, row_step, inner_step, b, b_stride, loaded,               \
                       c + i * c_stride, c_stride, stored, count, vectors, inner, scale)
    for (; i + fused_rows <= rows; i += fused_rows) SOME_ROWS(fused_rows);
    /* What is left over, in one block, so that the columns are read once more and not twice. */
    switch (rows - i) {
#define LEFT_OVER(count)                                                                          \
    case count:                                                                                   \
        if (count < fused_rows) SOME_ROWS(count);                                                 \
        break;
        LEFT_OVER(1) LEFT_OVER(2) LEFT_OVER(3) LEFT_OVER(4) LEFT_OVER(5) LEFT_OVER(6) LEFT_OVER(7)
        LEFT_OVER(8) LEFT_OVER(9) LEFT_OVER(10) LEFT_OVER(11) LEFT_OVER(12) LEFT_OVER(13)
    default: break;
    }
#undef LEFT_OVER
#undef SOME_ROWS
}

/* Each case with its bounds known to the compiler; a part of sixteen columns is rare. */
INLINE void LEVEL(fused_product)(const float *a, size_t row_step, size_t inner_step,
                                 const float *b, size_t b_stride, float *c, size_t c_stride,
                                 size_t rows, size_t columns, size_t inner, float scale) {
    size_t j = 0;
    for (; j + fused_vectors * width <= columns; j += fused_vectors * width)
        LEVEL(fused_columns)(a, row_step, inner_step, b + j, b_stride, width, c + j, c_stride,
                             width, rows, fused_vectors, inner, scale);
    if (fused_vectors > 1 && j + width <= columns) {
        LEVEL(fused_columns)(a, row_step, inner_step, b + j, b_stride, width, c + j, c_stride,
                             width, rows, 1, inner, scale);
        j += width;
    }
    if (j == columns) return;
    for (size_t i = 0; i < rows; i++)
        LEVEL(fused_block)(a + i * row_step, row_step, inner_step, b + j, b_stride, columns - j,
                           c + i * c_stride + j, c_stride, columns - j, 1, 1, inner, scale);
}

static void LEVEL(multiply_fused)(const float *a, size_t row_step, size_t inner_step,
                                  const float *b, size_t b_stride, float *c, size_t c_stride,
                                  size_t rows, size_t columns, size_t inner, float scale) {
    if (inner_step == 1)
        LEVEL(fused_product)(a, row_step, 1, b, b_stride, c, c_stride, rows, columns, inner,
                             scale);
    else
        LEVEL(fused_product)(a, row_step, inner_step, b, b_stride, c, c_stride, rows, columns,
                             inner, scale);
}

static void LEVEL(multiply_panels)(const float *x, size_t x_stride, const float *panels, float *c,
                                   size_t c_stride, size_t rows, size_t columns, size_t inner) {
    /* So many rows that they stay in the second-level cache while all panels pass by. */
    size_t most = inner > 768 ? 126 : 252;
    for (size_t i = 0; i < rows; i += most) {
        size_t some = rows - i < most ? rows - i : most;
        for (size_t j = 0; j < columns; j += TK_PANEL) {
            const float *panel = panels + j * inner;
            size_t n = columns - j;
            if (n >= TK_PANEL) {
                LEVEL(fused_product)(x + i * x_stride, x_stride, 1, panel, TK_PANEL,
                                     c + i * c_stride + j, c_stride, some, TK_PANEL, inner, 1);
                continue;
            }
            for (size_t v = 0; v < n; v += width)
                LEVEL(fused_columns)(x + i * x_stride, x_stride, 1, panel + v, TK_PANEL, width,
                                     c + i * c_stride + j + v, c_stride,
                                     n - v < width ? n - v : width, some, 1, inner, 1);
        }
    }
}

/* Panels of `b` (inner, columns): 32 columns each, row after row; what is beyond the last column is
 * zero. */
static void LEVEL(pack)(const float *b, size_t b_stride, float *panels, size_t inner,
                        size_t columns) {
    for (size_t j = 0; j < columns; j += TK_PANEL) {
        size_t n = columns - j < TK_PANEL ? columns - j : TK_PANEL;
        float *to = panels + j * inner;
        for (size_t k = 0; k < inner; k++, to += TK_PANEL) {
            const float *from = b + k * b_stride + j;
            if (n == TK_PANEL) {
                LEVEL(store)(to, LEVEL(load)(from, width), width);
                LEVEL(store)(to + width, LEVEL(load)(from + width, width), width);
            } else {
                memset(to, 0, TK_PANEL * sizeof *to);
                memcpy(to, from, n * sizeof *to);
            }
        }
    }
}

/* The same for the transpose of `w` (columns, inner). */
static void LEVEL(pack_transposed)(const float *w, size_t w_stride, float *panels, size_t inner,
                                   size_t columns) {
    for (size_t j = 0; j < columns; j += TK_PANEL) {
        size_t n = columns - j < TK_PANEL ? columns - j : TK_PANEL;
        float *to = panels + j * inner;
        if (n <= width) memset(to, 0, inner * TK_PANEL * sizeof *to);
        LEVEL(transpose)(w + j * w_stride, w_stride, n, inner, to, TK_PANEL);
    }
}
