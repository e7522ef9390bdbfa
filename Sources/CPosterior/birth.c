// What a new item takes from items that are like it.

#include "posterior.h"

#include <math.h>

#include "lanes.h"

#pragma STDC FP_CONTRACT OFF

MULTIVERSION
void posterior_similarity(
    int32_t dimension, int32_t count, const float *vectors, const float *e, double *out) {
    for (int32_t r = 0; r < count; r++) {
        const float *row = vectors + (int64_t)r * dimension;
        lanes s0 = {0}, s1 = {0};
        int32_t d = 0;
        for (; d + 16 <= dimension; d += 16) {
            s0 += __builtin_convertvector(*(const lanesf *)(row + d), lanes)
                * __builtin_convertvector(*(const lanesf *)(e + d), lanes);
            s1 += __builtin_convertvector(*(const lanesf *)(row + d + 8), lanes)
                * __builtin_convertvector(*(const lanesf *)(e + d + 8), lanes);
        }
        s0 += s1;
        double sum = SUM(s0);
        for (; d < dimension; d++) sum += (double)row[d] * (double)e[d];
        out[r] = sum;
    }
}

MULTIVERSION
void posterior_subtract(int32_t dimension, double weight, const float *vector, double *target) {
    for (int32_t d = 0; d < dimension; d++) target[d] -= weight * (double)vector[d];
}

/// row[j] -= f[0] top[j] + f[1] top[n + j] + f[2] … + f[3] …, in this order, for j from `first` on.
INLINE void eliminate(int32_t n, int32_t first, const double *f, const double *top, double *row) {
    const double *t1 = top + n, *t2 = t1 + n, *t3 = t2 + n;
    int32_t j = first;
    for (; j + 8 <= n; j += 8) {
        lanes r = LOAD(row + j);
        r = ((r - LOAD(top + j) * f[0]) - LOAD(t1 + j) * f[1]);
        r = ((r - LOAD(t2 + j) * f[2]) - LOAD(t3 + j) * f[3]);
        STORE(row + j, r);
    }
    for (; j < n; j++) {
        row[j] = (((row[j] - top[j] * f[0]) - t1[j] * f[1]) - t2[j] * f[2]) - t3[j] * f[3];
    }
}

MULTIVERSION
int32_t posterior_condition(
    int32_t n, const int32_t *index, const double *kernel, int32_t stride, double diagonal,
    double *work, double *b) {
    double *M = work;
    for (int32_t i = 0; i < n; i++) {
        const double *row = kernel + (int64_t)index[i] * stride;
        for (int32_t j = i + 1; j < n; j++) M[(int64_t)i * n + j] = row[index[j]];
        M[(int64_t)i * n + i] = diagonal;
    }
    // M = U'U by rows of the upper triangle, four rows at a time: once these are final, all rows
    // below take them off in one pass.
    for (int32_t k = 0; k < n; k += 4) {
        int32_t count = n - k < 4 ? n - k : 4;
        double *panel = M + (int64_t)k * n;
        for (int32_t r = 0; r < count; r++) {
            double *row = panel + (int64_t)r * n;
            for (int32_t q = 0; q < r; q++) {
                const double *top = panel + (int64_t)q * n;
                for (int32_t j = k + r; j < n; j++) row[j] -= top[k + r] * top[j];
            }
            if (!(row[k + r] > 0)) return 0;
            double pivot = 1 / sqrt(row[k + r]);
            for (int32_t j = k + r; j < n; j++) row[j] *= pivot;
        }
        // A panel of fewer than four rows is the last one.
        for (int32_t i = k + 4; i < n; i++) {
            double f[4] = {panel[i], panel[n + i], panel[2 * n + i], panel[3 * n + i]};
            eliminate(n, i, f, panel, M + (int64_t)i * n);
        }
    }
    for (int32_t k = 0; k < n; k++) {
        const double *top = M + (int64_t)k * n;
        b[k] /= top[k];
        for (int32_t j = k + 1; j < n; j++) b[j] -= top[j] * b[k];
    }
    for (int32_t k = n - 1; k >= 0; k--) {
        const double *top = M + (int64_t)k * n;
        lanes sum = {0};
        int32_t j = k + 1;
        for (; j + 8 <= n; j += 8) sum += LOAD(top + j) * LOAD(b + j);
        double s = SUM(sum);
        for (; j < n; j++) s += top[j] * b[j];
        b[k] = (b[k] - s) / top[k];
    }
    return 1;
}
