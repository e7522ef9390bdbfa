/* Rows reach to their stride, a multiple of sixteen: vectors are read and written whole, and what is
 * beyond the columns counts for nothing and becomes zero. Rows of up to four vectors stay in
 * registers; the blocks of longer ones pass through memory. */

/* The lanes of the block that starts at `j` which are columns. */
INLINE ilanes LEVEL(columns_within)(size_t columns, size_t j) {
    return LEVEL(first)(columns - j < width ? columns - j : width);
}

INLINE void LEVEL(softmax_row)(float *x, size_t columns, size_t blocks) {
    lanes e[4];
    const ilanes within = LEVEL(columns_within)(columns, (blocks - 1) * width);
    lanes most = LEVEL(splat)(-__builtin_inff()), total = LEVEL(splat)(0);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < blocks; i++) {
        e[i] = LEVEL(load)(x + i * width, width);
        if (i + 1 == blocks) e[i] = LEVEL(select)(within, e[i], most);
        most = LEVEL(select)(e[i] > most, e[i], most);
    }
    const float greatest = LEVEL(largest)(most);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < blocks; i++) {
        e[i] = LEVEL(exponential)(0, e[i] - greatest);
        if (i + 1 == blocks) e[i] = (lanes)((ilanes)e[i] & within);
        total += e[i];
    }
    const float share = 1.0f / LEVEL(sum)(total);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < blocks; i++) LEVEL(store)(x + i * width, e[i] * share, width);
}

INLINE void LEVEL(softmax_long_row)(float *x, size_t columns) {
    lanes most = LEVEL(splat)(-__builtin_inff()), total = LEVEL(splat)(0);
    for (size_t j = 0; j < columns; j += width) {
        lanes v = LEVEL(load)(x + j, width);
        v = LEVEL(select)(LEVEL(columns_within)(columns, j), v, most);
        most = LEVEL(select)(v > most, v, most);
    }
    const float greatest = LEVEL(largest)(most);
    for (size_t j = 0; j < columns; j += width) {
        lanes e = LEVEL(exponential)(0, LEVEL(load)(x + j, width) - greatest);
        e = (lanes)((ilanes)e & LEVEL(columns_within)(columns, j));
        LEVEL(store)(x + j, e, width);
        total += e;
    }
    const float share = 1.0f / LEVEL(sum)(total);
    for (size_t j = 0; j < columns; j += width)
        LEVEL(store)(x + j, LEVEL(load)(x + j, width) * share, width);
}

/* d logits = p (dp - sum(p dp)). */
INLINE void LEVEL(softmax_backward_row)(const float *p, float *dp, float scale, size_t columns,
                                        size_t blocks) {
    lanes total = LEVEL(splat)(0);
#pragma clang loop unroll_count(4)
    for (size_t i = 0; i < blocks; i++) {
        lanes part = LEVEL(load)(p + i * width, width) * LEVEL(load)(dp + i * width, width);
        total += (lanes)((ilanes)part & LEVEL(columns_within)(columns, i * width));
    }
    const float along = LEVEL(sum)(total);
#pragma clang loop unroll_count(4)
    for (size_t i = 0; i < blocks; i++) {
        lanes d = LEVEL(load)(dp + i * width, width) - along;
        d = LEVEL(load)(p + i * width, width) * d * scale;
        d = (lanes)((ilanes)d & LEVEL(columns_within)(columns, i * width));
        LEVEL(store)(dp + i * width, d, width);
    }
}

/* Runs `row` with the number of vectors known to the compiler, or `long_row`. */
#define BY_BLOCKS(blocks, row, long_row)                                                          \
    switch (blocks) {                                                                             \
    case 1: row(1); break;                                                                        \
    case 2: row(2); break;                                                                        \
    case 3: row(3); break;                                                                        \
    case 4: row(4); break;                                                                        \
    default: long_row; break;                                                                     \
    }

static void LEVEL(softmax)(float *x, size_t rows, size_t columns, size_t stride) {
    const size_t blocks = (columns + width - 1) / width;
    for (size_t t = 0; t < rows; t++, x += stride) {
#define ROW(count) LEVEL(softmax_row)(x, columns, count)
        BY_BLOCKS(blocks, ROW, LEVEL(softmax_long_row)(x, columns))
#undef ROW
        for (size_t j = blocks * width; j < stride; j++) x[j] = 0;
    }
}

static void LEVEL(softmax_backward)(const float *p, float *dp, float scale, size_t rows,
                                    size_t columns, size_t stride) {
    const size_t blocks = (columns + width - 1) / width;
    for (size_t t = 0; t < rows; t++, p += stride, dp += stride) {
#define ROW(count) LEVEL(softmax_backward_row)(p, dp, scale, columns, count)
        BY_BLOCKS(blocks, ROW, ROW(blocks))
#undef ROW
        for (size_t j = blocks * width; j < stride; j++) dp[j] = 0;
    }
}
#undef BY_BLOCKS
