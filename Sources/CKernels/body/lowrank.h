/* Products with one side of the adapter's rank. They are far too skinny for a GEMM library, and a
 * row's bits here depend on that row alone. Each output element is one chain of additions in a
 * fixed order; how many are computed side by side changes nothing. */

INLINE void LEVEL(project_some)(const float *x, const float *a, float *u, size_t columns,
                                size_t some) {
    lanes total[4];
    for (size_t i = 0; i < some; i++) total[i] = LEVEL(splat)(0);
    EACH_BLOCK(k, n, columns, {
        lanes v = LEVEL(load)(x + k, n);
        for (size_t i = 0; i < some; i++) total[i] += v * LEVEL(load)(a + i * columns + k, n);
    });
    for (size_t i = 0; i < some; i++) u[i] = LEVEL(sum)(total[i]);
}

static void LEVEL(project)(const float *x, size_t x_stride, const float *a, float *u, size_t rows,
                           size_t columns, size_t rank) {
    for (size_t t = 0; t < rows; t++, x += x_stride, u += rank) {
        size_t j = 0;
        for (; j + 4 <= rank; j += 4) LEVEL(project_some)(x, a + j * columns, u + j, columns, 4);
        for (; j < rank; j++) LEVEL(project_some)(x, a + j * columns, u + j, columns, 1);
    }
}

static void LEVEL(expand)(const float *u, const float *b, float scale, float *y, size_t y_stride,
                          size_t rows, size_t columns, size_t rank) {
    for (size_t t = 0; t < rows; t++, u += rank, y += y_stride) {
        EACH_BLOCK(k, n, columns, {
            lanes total = LEVEL(splat)(0);
            for (size_t j = 0; j < rank; j++) total += u[j] * LEVEL(load)(b + j * columns + k, n);
            LEVEL(store)(y + k, LEVEL(load)(y + k, n) + total * scale, n);
        });
    }
}

INLINE void LEVEL(outer_some)(const float *v, const float *x, size_t x_stride, float scale,
                              float *g, size_t rows, size_t columns, size_t rank, size_t k,
                              size_t n, size_t some) {
    lanes total[8];
    for (size_t i = 0; i < some; i++) total[i] = LEVEL(splat)(0);
    for (size_t t = 0; t < rows; t++) {
        lanes row = LEVEL(load)(x + t * x_stride + k, n);
        for (size_t i = 0; i < some; i++) total[i] += v[t * rank + i] * row;
    }
    for (size_t i = 0; i < some; i++) {
        float *to = g + i * columns + k;
        LEVEL(store)(to, LEVEL(load)(to, n) + total[i] * scale, n);
    }
}

static void LEVEL(outer)(const float *v, const float *x, size_t x_stride, float scale, float *g,
                         size_t rows, size_t columns, size_t rank) {
    EACH_BLOCK(k, n, columns, {
        size_t j = 0;
        for (; j + 8 <= rank; j += 8) {
            const float *from = v + j;
            float *to = g + j * columns;
            if (n == width)
                LEVEL(outer_some)(from, x, x_stride, scale, to, rows, columns, rank, k, width, 8);
            else
                LEVEL(outer_some)(from, x, x_stride, scale, to, rows, columns, rank, k, n, 8);
        }
        for (; j < rank; j++)
            LEVEL(outer_some)(v + j, x, x_stride, scale, g + j * columns, rows, columns, rank, k,
                              n, 1);
    });
}

/* One 32-bit word for each element of a row, from the key, the row and the column alone: who is
 * dropped does not depend on how rows are packed or on which thread works on them.
 * The mixer is the finaliser of MurmurHash3 (Appleby 2011), twice, with the row's key between. */
INLINE ulanes LEVEL(mixed)(ulanes h) {
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

INLINE ilanes LEVEL(kept)(float p, uint64_t row_key, size_t column) {
    ulanes index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    ulanes h = LEVEL(mixed)(index + (uint32_t)column + (uint32_t)row_key * 0x9e3779b9u);
    h = LEVEL(mixed)(h ^ (uint32_t)(row_key >> 32));
    lanes uniform = __builtin_convertvector((ilanes)(h >> 8), lanes) * 0x1p-24f;
    return uniform >= p;
}

INLINE uint64_t LEVEL(row_key)(uint64_t key, uint64_t row) {
    uint64_t z = key + (row + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void LEVEL(dropout)(const float *x, size_t x_stride, float *out, float p, uint64_t key,
                           uint64_t first_row, size_t rows, size_t columns) {
    float scale = 1.0f / (1.0f - p);
    for (size_t t = 0; t < rows; t++) {
        uint64_t row_key = LEVEL(row_key)(key, first_row + t);
        EACH_BLOCK(k, n, columns, {
            lanes v = LEVEL(load)(x + t * x_stride + k, n) * scale;
            v = (lanes)((ilanes)v & LEVEL(kept)(p, row_key, k));
            LEVEL(store)(out + t * columns + k, v, n);
        });
    }
}

static void LEVEL(dropout_backward_add)(const float *d, float *y, size_t y_stride, float p,
                                        uint64_t key, uint64_t first_row, size_t rows,
                                        size_t columns) {
    float scale = 1.0f / (1.0f - p);
    for (size_t t = 0; t < rows; t++) {
        uint64_t row_key = LEVEL(row_key)(key, first_row + t);
        EACH_BLOCK(k, n, columns, {
            lanes v = LEVEL(load)(d + t * columns + k, n) * scale;
            v = (lanes)((ilanes)v & LEVEL(kept)(p, row_key, k));
            float *to = y + t * y_stride + k;
            LEVEL(store)(to, LEVEL(load)(to, n) + v, n);
        });
    }
}
