static void LEVEL(normalize)(const float *x, const float *bias, const float *residual,
                             const float *gamma, const float *beta, float epsilon, float *y,
                             float *normalized, float *inverse, size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *from = x + t * columns;
        float *to = y + t * columns;
        lanes total = LEVEL(splat)(0);
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(from + j, n);
            if (bias) v += LEVEL(load)(bias + j, n);
            if (residual) v += LEVEL(load)(residual + t * columns + j, n);
            LEVEL(store)(to + j, v, n);
            total += v;
        });
        float mean = LEVEL(sum)(total) / (float)columns;
        lanes squares = LEVEL(splat)(0);
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(to + j, n) - mean;
            if (n < width) v = (lanes)((ilanes)v & LEVEL(first)(n));
            squares += v * v;
        });
        float variance = LEVEL(sum)(squares) / (float)columns;
        float scale = 1.0f / __builtin_sqrtf(variance + epsilon);
        if (inverse) inverse[t] = scale;
        EACH_BLOCK(j, n, columns, {
            lanes v = (LEVEL(load)(to + j, n) - mean) * scale;
            if (normalized) LEVEL(store)(normalized + t * columns + j, v, n);
            v = v * LEVEL(load)(gamma + j, n) + LEVEL(load)(beta + j, n);
            LEVEL(store)(to + j, v, n);
        });
    }
}

/* d/dx of (x - mean) * inverse * gamma: with g = dy gamma and h the normalized row,
 * dx = inverse (g - mean(g) - h mean(g h)). */
static void LEVEL(normalize_backward)(const float *dy, const float *gamma,
                                      const float *normalized, const float *inverse, float *dx,
                                      size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++) {
        const float *d = dy + t * columns, *h = normalized + t * columns;
        lanes total = LEVEL(splat)(0), along = LEVEL(splat)(0);
        EACH_BLOCK(j, n, columns, {
            lanes g = LEVEL(load)(d + j, n) * LEVEL(load)(gamma + j, n);
            total += g;
            along += g * LEVEL(load)(h + j, n);
        });
        float mean = LEVEL(sum)(total) / (float)columns;
        float mean_along = LEVEL(sum)(along) / (float)columns;
        float scale = inverse[t];
        EACH_BLOCK(j, n, columns, {
            lanes g = LEVEL(load)(d + j, n) * LEVEL(load)(gamma + j, n);
            lanes v = (g - mean - LEVEL(load)(h + j, n) * mean_along) * scale;
            LEVEL(store)(dx + t * columns + j, v, n);
        });
    }
}

static void LEVEL(embed)(const int32_t *ids, size_t count, const float *words, const float *types,
                         const float *positions, float *out, size_t columns) {
    for (size_t t = 0; t < count; t++) {
        const float *word = words + (size_t)ids[t] * columns;
        const float *position = positions + t * columns;
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(word + j, n) + LEVEL(load)(types + j, n);
            LEVEL(store)(out + t * columns + j, v + LEVEL(load)(position + j, n), n);
        });
    }
}
