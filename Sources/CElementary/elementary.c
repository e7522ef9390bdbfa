#include "elementary.h"

#pragma STDC FP_CONTRACT OFF

double elementary_exp(double x) { return elementary_inline_exp(x); }

double elementary_log(double x) {
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t exponent = (bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp0) {
        m *= 0.5;
        exponent += 1;
    }
    // log(1+f) = 2 atanh(s), s = f/(2+f), summed so that the leading term is exact in f.
    double f = m - 1, s = f / (2 + f), s2 = s * s, half = 0.5 * f * f;
    double sum = 0;
    for (int power = 23; power >= 3; power -= 2) sum = (sum + 2.0 / power) * s2;
    double k = (double)exponent;
    return k * 0x1.62e42feep-1 + (f - (half - (s * (half + sum) + k * 0x1.a39ef35793c76p-33)));
}
