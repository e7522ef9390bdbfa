/* Sixteen floats at a time: loads and stores that may be partial, sums in a fixed order. */

#define INLINE static inline __attribute__((always_inline))

/* Runs the statements for `count` elements from 0 on, in blocks of `n` that start at `j`: sixteen
 * each, known to the compiler, and what is left over in a copy of its own. */
#define EACH_BLOCK(j, n, count, ...)                                                              \
    do {                                                                                          \
        size_t j = 0;                                                                             \
        for (; j + width <= (count); j += width) {                                                \
            enum { n = width };                                                                   \
            __VA_ARGS__                                                                           \
        }                                                                                         \
        if (j < (count)) {                                                                        \
            const size_t n = (count) - j;                                                         \
            __VA_ARGS__                                                                           \
        }                                                                                         \
    } while (0)

INLINE lanes LEVEL(splat)(float x) {
    return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

INLINE lanes LEVEL(load)(const float *p, size_t n) {
    lanes v;
    if (n == width) {
        memcpy(&v, p, sizeof v);
    } else {
        v = LEVEL(splat)(0);
        memcpy(&v, p, n * sizeof *p);
    }
    return v;
}

INLINE void LEVEL(store)(float *p, lanes v, size_t n) {
    memcpy(p, &v, (n == width ? width : n) * sizeof *p);
}

INLINE lanes LEVEL(select)(ilanes mask, lanes yes, lanes no) {
    return (lanes)(((ilanes)yes & mask) | ((ilanes)no & ~mask));
}

/* All bits set in the first n lanes. */
INLINE ilanes LEVEL(first)(size_t n) {
    ilanes index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    int32_t m = (int32_t)n;
    return index < (ilanes){m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m};
}

/* Lanes 16 to 8 to 4 to 2 to 1: one order, whatever the registers. */
INLINE float LEVEL(sum)(lanes v) {
    float s[width];
    memcpy(s, &v, sizeof s);
    for (int i = 0; i < 8; i++) s[i] += s[i + 8];
    for (int i = 0; i < 4; i++) s[i] += s[i + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

INLINE float LEVEL(largest)(lanes v) {
    float s[width];
    memcpy(s, &v, sizeof s);
    for (int step = 8; step > 0; step /= 2)
        for (int i = 0; i < step; i++) s[i] = s[i] > s[i + step] ? s[i] : s[i + step];
    return s[0];
}

INLINE lanes LEVEL(absolute)(lanes v) { return (lanes)((ilanes)v & 0x7fffffff); }

INLINE lanes LEVEL(with_sign)(lanes magnitude, lanes sign) {
    return (lanes)((ilanes)magnitude | ((ilanes)sign & (int32_t)0x80000000));
}
