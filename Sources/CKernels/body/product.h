/* Small products, as attention has them for each head: far below the size at which a GEMM library
 * earns its packing, and without its allocations. Each element is one chain of additions along the
 * inner dimension, so its bits do not depend on the blocking, which differs between levels. */

INLINE void LEVEL(product_block)(const float *a, size_t row_step, size_t inner_step,
                                 const float *b, size_t b_stride, float *c, size_t c_stride,
                                 size_t rows, size_t first, size_t second, size_t inner,
                                 float scale) {
    lanes left[block_rows], right[block_rows];
    for (size_t i = 0; i < rows; i++) left[i] = right[i] = LEVEL(splat)(0);
    for (size_t k = 0; k < inner; k++) {
        lanes u = LEVEL(load)(b + k * b_stride, first);
        lanes v = second ? LEVEL(load)(b + k * b_stride + width, second) : LEVEL(splat)(0);
        for (size_t i = 0; i < rows; i++) {
            float x = a[i * row_step + k * inner_step];
            left[i] += x * u;
            if (second) right[i] += x * v;
        }
    }
    for (size_t i = 0; i < rows; i++) {
        LEVEL(store)(c + i * c_stride, left[i] * scale, first);
        if (second) LEVEL(store)(c + i * c_stride + width, right[i] * scale, second);
    }
}

/* Two vectors of columns, or one, whole or in part, each case with its bounds known to the
 * compiler. */
INLINE void LEVEL(product_rows)(const float *a, size_t row_step, size_t inner_step,
                                const float *b, size_t b_stride, float *c, size_t c_stride,
                                size_t rows, size_t columns, size_t inner, float scale) {
    size_t j = 0;
    for (; j + 2 * width <= columns; j += 2 * width)
        LEVEL(product_block)(a, row_step, inner_step, b + j, b_stride, c + j, c_stride, rows,
                             width, width, inner, scale);
    size_t rest = columns - j;
    if (rest > width)
        LEVEL(product_block)(a, row_step, inner_step, b + j, b_stride, c + j, c_stride, rows,
                             width, rest - width, inner, scale);
    else if (rest == width)
        LEVEL(product_block)(a, row_step, inner_step, b + j, b_stride, c + j, c_stride, rows,
                             width, 0, inner, scale);
    else if (rest)
        LEVEL(product_block)(a, row_step, inner_step, b + j, b_stride, c + j, c_stride, rows,
                             rest, 0, inner, scale);
}

static void LEVEL(multiply_small)(const float *a, size_t row_step, size_t inner_step,
                                  const float *b, size_t b_stride, float *c, size_t c_stride,
                                  size_t rows, size_t columns, size_t inner, float scale) {
    size_t i = 0;
    for (; i + block_rows <= rows; i += block_rows)
        LEVEL(product_rows)(a + i * row_step, row_step, inner_step, b, b_stride,
                            c + i * c_stride, c_stride, block_rows, columns, inner, scale);
    for (; i < rows; i++)
        LEVEL(product_rows)(a + i * row_step, row_step, inner_step, b, b_stride,
                            c + i * c_stride, c_stride, 1, columns, inner, scale);
}

/* Swaps blocks of `step` lanes between two rows: one of the four rounds of a 16 x 16 transpose. */
#define EXCHANGE(low, high, step, ...)                                                            \
    do {                                                                                          \
        lanes a = low, b = high;                                                                  \
        low = __builtin_shufflevector(a, b, __VA_ARGS__);                                         \
        high = __builtin_shufflevector(a, b, EXCHANGE_HIGH_##step);                               \
    } while (0)
#define EXCHANGE_LOW_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define EXCHANGE_HIGH_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define EXCHANGE_LOW_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define EXCHANGE_HIGH_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define EXCHANGE_LOW_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define EXCHANGE_HIGH_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define EXCHANGE_LOW_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define EXCHANGE_HIGH_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/* A block of up to sixteen rows, those beyond `height` taken as zero. */
INLINE void LEVEL(transpose_block)(const float *x, size_t x_stride, size_t height, size_t columns,
                                   float *out, size_t out_stride) {
    lanes r[width];
#pragma clang loop unroll(full)
    for (size_t t = 0; t < width; t++)
        r[t] = t < height ? LEVEL(load)(x + t * x_stride, columns) : LEVEL(splat)(0);
#pragma clang loop unroll(full)
    for (int t = 0; t < 8; t++) EXCHANGE(r[t], r[t + 8], 8, EXCHANGE_LOW_8);
#pragma clang loop unroll(full)
    for (int t = 0; t < width; t++)
        if (!(t & 4)) EXCHANGE(r[t], r[t + 4], 4, EXCHANGE_LOW_4);
#pragma clang loop unroll(full)
    for (int t = 0; t < width; t++)
        if (!(t & 2)) EXCHANGE(r[t], r[t + 2], 2, EXCHANGE_LOW_2);
#pragma clang loop unroll(full)
    for (int t = 0; t < width; t++)
        if (!(t & 1)) EXCHANGE(r[t], r[t + 1], 1, EXCHANGE_LOW_1);
#pragma clang loop unroll(full)
    for (size_t t = 0; t < width; t++)
        if (t < columns) LEVEL(store)(out + t * out_stride, r[t], width);
}

static void LEVEL(transpose)(const float *x, size_t x_stride, size_t rows, size_t columns,
                             float *out, size_t out_stride) {
    for (size_t i = 0; i < rows; i += width) {
        const size_t height = rows - i < width ? rows - i : width;
        const float *from = x + i * x_stride;
        size_t j = 0;
        for (; j + width <= columns; j += width) {
            float *to = out + j * out_stride + i;
            if (height == width)
                LEVEL(transpose_block)(from + j, x_stride, width, width, to, out_stride);
            else
                LEVEL(transpose_block)(from + j, x_stride, height, width, to, out_stride);
        }
        if (j < columns)
            LEVEL(transpose_block)(from + j, x_stride, height, columns - j,
                                   out + j * out_stride + i, out_stride);
    }
}
