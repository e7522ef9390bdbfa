/* x y + z: rounded once where `fused`, a constant at every call, and twice where not. */
INLINE lanes LEVEL(multiply_add)(int fused, lanes x, lanes y, lanes z) {
    return fused ? __builtin_elementwise_fma(x, y, z) : x * y + z;
}

/* 2^v within 7e-8 relative, for v in [-126, 127]. Adding 1.5 * 2^23 rounds to the nearest integer n
 * and leaves it in the low bits; 2^r for the rest is a minimax polynomial (greatest error 2e-9). */
INLINE lanes LEVEL(power_of_two)(int fused, lanes v) {
    lanes shifted = v + 12582912.0f;
    lanes r = v - (shifted - 12582912.0f);
    lanes p = LEVEL(splat)(1.535336e-4f);
    p = LEVEL(multiply_add)(fused, p, r, LEVEL(splat)(1.3398875e-3f));
    p = LEVEL(multiply_add)(fused, p, r, LEVEL(splat)(9.618437e-3f));
    p = LEVEL(multiply_add)(fused, p, r, LEVEL(splat)(5.5503324e-2f));
    p = LEVEL(multiply_add)(fused, p, r, LEVEL(splat)(2.4022648e-1f));
    p = LEVEL(multiply_add)(fused, p, r, LEVEL(splat)(6.931472e-1f));
    p = LEVEL(multiply_add)(fused, p, r, LEVEL(splat)(1.0f));
    return (lanes)((ilanes)p + ((ilanes)shifted << 23));
}

/* e^x for x up to 88, within (1 + |x|) 1e-7 relative: for softmax and densities, where the large
 * |x| have small weight. Zero below 1e-30: what is smaller would, multiplied on, become subnormal
 * numbers, which cost a hundred cycles each and are worth nothing beside the rest. */
INLINE lanes LEVEL(exponential)(int fused, lanes x) {
    lanes v = x * 1.44269504f, low = LEVEL(splat)(-100.0f);
    ilanes kept = v >= low;
    return (lanes)((ilanes)LEVEL(power_of_two)(fused, LEVEL(select)(kept, v, low)) & kept);
}

/* erf(x / sqrt 2) within 1e-7 absolute: 1 - 2^(s Q(s)), s = |x| up to 4 sqrt 2, where Q is the
 * minimax polynomial of log2(erfc(s / sqrt 2)) / s for this error of the whole (1.6e-8). */
INLINE lanes LEVEL(error_function)(int fused, lanes x) {
    lanes s = LEVEL(absolute)(x), most = LEVEL(splat)(5.656854f);
    s = LEVEL(select)(s > most, most, s);
    lanes q = LEVEL(splat)(-2.83491e-06f);
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(3.9377646e-05f));
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(-1.8618e-04f));
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(-1.36937e-04f));
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(7.063421e-03f));
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(-5.249618e-02f));
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(-4.592082e-01f));
    q = LEVEL(multiply_add)(fused, q, s, LEVEL(splat)(-1.1511052f));
    return LEVEL(with_sign)(1.0f - LEVEL(power_of_two)(fused, s * q), x);
}

/* The hyperbolic tangent within 1e-7 absolute: 1 - 2 / (e^(2|x|) + 1). */
INLINE lanes LEVEL(hyperbolic_tangent)(int fused, lanes x) {
    lanes v = LEVEL(absolute)(x) * 2.88539008f, most = LEVEL(splat)(64.0f);
    lanes e = LEVEL(power_of_two)(fused, LEVEL(select)(v > most, most, v));
    return LEVEL(with_sign)(1.0f - 2.0f / (e + 1.0f), x);
}
