static void LEVEL(add)(float *y, const float *x, size_t count) {
    EACH_BLOCK(j, n, count, {
        LEVEL(store)(y + j, LEVEL(load)(y + j, n) + LEVEL(load)(x + j, n), n);
    });
}

static void LEVEL(scale)(float *y, float by, size_t count) {
    EACH_BLOCK(j, n, count, { LEVEL(store)(y + j, LEVEL(load)(y + j, n) * by, n); });
}

static double LEVEL(sum_of_squares)(const float *x, size_t count) {
    dlanes low = {0}, high = {0};
    EACH_BLOCK(j, n, count, {
        lanes v = LEVEL(load)(x + j, n);
        half_lanes first, second;
        memcpy(&first, &v, sizeof first);
        memcpy(&second, (const char *)&v + sizeof first, sizeof second);
        dlanes a = __builtin_convertvector(first, dlanes);
        dlanes b = __builtin_convertvector(second, dlanes);
        low += a * a;
        high += b * b;
    });
    dlanes total = low + high;
    double s[8];
    memcpy(s, &total, sizeof s);
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void LEVEL(adamw)(float *parameters, float *m, float *v, const float *gradient,
                         size_t count, float gradient_scale, float beta1, float beta2,
                         float decay_factor, float step_size, float root_correction,
                         float epsilon) {
    EACH_BLOCK(j, n, count, {
        lanes g = LEVEL(load)(gradient + j, n) * gradient_scale;
        lanes first = LEVEL(load)(m + j, n);
        first += (g - first) * (1.0f - beta1);
        lanes second = LEVEL(load)(v + j, n) * beta2 + g * g * (1.0f - beta2);
        lanes p = LEVEL(load)(parameters + j, n) * decay_factor;
        p -= first / (__builtin_elementwise_sqrt(second) / root_correction + epsilon) * step_size;
        LEVEL(store)(m + j, first, n);
        LEVEL(store)(v + j, second, n);
        LEVEL(store)(parameters + j, p, n);
    });
}
