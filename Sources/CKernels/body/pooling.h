static void LEVEL(mean)(const float *x, float *out, size_t rows, size_t columns) {
    EACH_BLOCK(j, n, columns, {
        lanes total = LEVEL(splat)(0);
        for (size_t t = 0; t < rows; t++) total += LEVEL(load)(x + t * columns + j, n);
        LEVEL(store)(out + j, total / (float)rows, n);
    });
}

static void LEVEL(mean_backward)(const float *dout, float *dx, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++, dx += columns) {
        EACH_BLOCK(j, n, columns, {
            LEVEL(store)(dx + j, LEVEL(load)(dout + j, n) / (float)rows, n);
        });
    }
}

static void LEVEL(greatest)(const float *x, float *out, int32_t *from, size_t rows,
                            size_t columns) {
    for (size_t j = 0; j < columns; j++) {
        out[j] = x[j];
        from[j] = 0;
    }
    for (size_t t = 1; t < rows; t++) {
        for (size_t j = 0; j < columns; j++) {
            if (x[t * columns + j] > out[j]) {
                out[j] = x[t * columns + j];
                from[j] = (int32_t)t;
            }
        }
    }
}

static void LEVEL(unit)(float *x, float *length, size_t columns) {
    lanes squares = LEVEL(splat)(0);
    EACH_BLOCK(j, n, columns, {
        lanes v = LEVEL(load)(x + j, n);
        squares += v * v;
    });
    *length = __builtin_sqrtf(LEVEL(sum)(squares));
    float divisor = *length > 1e-12f ? *length : 1e-12f;
    EACH_BLOCK(j, n, columns, { LEVEL(store)(x + j, LEVEL(load)(x + j, n) / divisor, n); });
}

/* y = x / |x|: dx = (dy - y (y . dy)) / |x|; below the floor of 1e-12, y = x / 1e-12. */
static void LEVEL(unit_backward)(const float *y, float length, const float *dy, float *dx,
                                 size_t columns) {
    lanes total = LEVEL(splat)(0);
    EACH_BLOCK(j, n, columns, { total += LEVEL(load)(y + j, n) * LEVEL(load)(dy + j, n); });
    float along = length > 1e-12f ? LEVEL(sum)(total) : 0.0f;
    float divisor = length > 1e-12f ? length : 1e-12f;
    EACH_BLOCK(j, n, columns, {
        lanes v = LEVEL(load)(dy + j, n) - LEVEL(load)(y + j, n) * along;
        LEVEL(store)(dx + j, v / divisor, n);
    });
}
