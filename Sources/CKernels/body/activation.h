INLINE lanes LEVEL(activation)(int kind, int fused, lanes x) {
    switch (kind) {
    case TK_GELU:
        return x * 0.5f * (1.0f + LEVEL(error_function)(fused, x));
    case TK_GELU_TANH: {
        lanes inner = (x + x * x * x * 0.044715f) * 0.79788456f;
        return x * 0.5f * (1.0f + LEVEL(hyperbolic_tangent)(fused, inner));
    }
    default:
        return LEVEL(select)(x > 0.0f, x, LEVEL(splat)(0));
    }
}

/* d activation / dx. */
INLINE lanes LEVEL(activation_slope)(int kind, int fused, lanes x) {
    switch (kind) {
    case TK_GELU: {
        lanes share = 0.5f * (1.0f + LEVEL(error_function)(fused, x));
        lanes density = LEVEL(exponential)(fused, x * x * -0.5f) * 0.39894228f;
        return share + x * density;
    }
    case TK_GELU_TANH: {
        lanes inner = (x + x * x * x * 0.044715f) * 0.79788456f;
        lanes t = LEVEL(hyperbolic_tangent)(fused, inner);
        lanes slope = (1.0f + x * x * 0.134145f) * 0.79788456f;
        return 0.5f * (1.0f + t) + x * 0.5f * (1.0f - t * t) * slope;
    }
    default:
        return LEVEL(select)(x > 0.0f, LEVEL(splat)(1), LEVEL(splat)(0));
    }
}

INLINE void LEVEL(activate_of)(int kind, int fused, const float *x, const float *bias, float *out,
                               size_t rows, size_t columns) {
    for (size_t t = 0; t < rows; t++, x += columns, out += columns) {
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(x + j, n);
            if (bias) v += LEVEL(load)(bias + j, n);
            LEVEL(store)(out + j, LEVEL(activation)(kind, fused, v), n);
        });
    }
}

/* Each kind with the kind known to the compiler. */
#define BY_KIND(function, kind, ...)                                                              \
    do {                                                                                          \
        if (kind == TK_GELU) LEVEL(function)(TK_GELU, __VA_ARGS__);                               \
        else if (kind == TK_GELU_TANH) LEVEL(function)(TK_GELU_TANH, __VA_ARGS__);                \
        else LEVEL(function)(TK_RELU, __VA_ARGS__);                                               \
    } while (0)

static void LEVEL(activate)(int kind, const float *x, const float *bias, float *out, size_t rows,
                            size_t columns) {
    BY_KIND(activate_of, kind, 0, x, bias, out, rows, columns);
}

static void LEVEL(activate_fused)(int kind, const float *x, const float *bias, float *out,
                                  size_t rows, size_t columns) {
    BY_KIND(activate_of, kind, 1, x, bias, out, rows, columns);
}

INLINE void LEVEL(activate_backward_of)(int kind, int fused, const float *x, const float *bias,
                                        const float *dout, float *dx, size_t rows,
                                        size_t columns) {
    for (size_t t = 0; t < rows; t++, x += columns, dout += columns, dx += columns) {
        EACH_BLOCK(j, n, columns, {
            lanes v = LEVEL(load)(x + j, n);
            if (bias) v += LEVEL(load)(bias + j, n);
            lanes d = LEVEL(load)(dout + j, n) * LEVEL(activation_slope)(kind, fused, v);
            LEVEL(store)(dx + j, d, n);
        });
    }
}

static void LEVEL(activate_backward)(int kind, const float *x, const float *bias,
                                     const float *dout, float *dx, size_t rows, size_t columns) {
    BY_KIND(activate_backward_of, kind, 0, x, bias, dout, dx, rows, columns);
}

static void LEVEL(activate_backward_fused)(int kind, const float *x, const float *bias,
                                           const float *dout, float *dx, size_t rows,
                                           size_t columns) {
    BY_KIND(activate_backward_of, kind, 1, x, bias, dout, dx, rows, columns);
}
#undef BY_KIND

static void LEVEL(add_bias)(float *x, const float *bias, size_t rows, size_t columns,
                            size_t stride) {
    for (size_t t = 0; t < rows; t++, x += stride) {
        EACH_BLOCK(j, n, columns, {
            LEVEL(store)(x + j, LEVEL(load)(x + j, n) + LEVEL(load)(bias + j, n), n);
        });
    }
}
