static void LEVEL(softmax)(float *x, size_t rows, size_t columns, size_t stride) {
    for (size_t t = 0; t < rows; t++, x += stride) {
        lanes most = LEVEL(splat)(-__builtin_inff());
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(x + j, n);
            if (n < width) v = LEVEL(select)(LEVEL(first)(n), v, most);
            most = LEVEL(select)(v > most, v, most);
        });
        float greatest = LEVEL(largest)(most);
        lanes total = LEVEL(splat)(0);
        EACH_BLOCK(j, n, columns, {
            lanes e = LEVEL(exponential)(0, LEVEL(load)(x + j, n) - greatest);
            if (n < width) e = (lanes)((ilanes)e & LEVEL(first)(n));
            LEVEL(store)(x + j, e, n);
            total += e;
        });
        float share = 1.0f / LEVEL(sum)(total);
        EACH_BLOCK(j, n, columns, {
            LEVEL(store)(x + j, LEVEL(load)(x + j, n) * share, n);
        });
        for (size_t j = columns; j < stride; j++) x[j] = 0;
    }
}

/* d logits = p (dp - sum(p dp)). */
static void LEVEL(softmax_backward)(const float *p, float *dp, float scale, size_t rows,
                                    size_t columns, size_t stride) {
    for (size_t t = 0; t < rows; t++, p += stride, dp += stride) {
        lanes total = LEVEL(splat)(0);
        EACH_BLOCK(j, n, columns, {
            total += LEVEL(load)(p + j, n) * LEVEL(load)(dp + j, n);
        });
        float along = LEVEL(sum)(total);
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(p + j, n) * (LEVEL(load)(dp + j, n) - along) * scale;
            LEVEL(store)(dp + j, v, n);
        });
        for (size_t j = columns; j < stride; j++) dp[j] = 0;
    }
}
