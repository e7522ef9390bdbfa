// Prior variances: sums over a group of the tail, and for a group of core entries how likely another one
// is, and learning under it.

#include "posterior.h"

#include "elementary.h"
#include "lanes.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

enum { STRIDE = POSTERIOR_ACTIVE_MAX };

INLINE double dot(int32_t count, const double *a, const double *b) {
    lanes s0 = {0}, s1 = {0};
    int32_t j = 0;
    for (; j + 16 <= count; j += 16) {
        s0 += LOAD(a + j) * LOAD(b + j);
        s1 += LOAD(a + j + 8) * LOAD(b + j + 8);
    }
    s0 += s1;
    double sum = SUM(s0);
    for (; j < count; j++) sum += a[j] * b[j];
    return sum;
}

MULTIVERSION
double posterior_prior_evidence(
    int32_t n, const double *covariance, const double *mean, double change, double *work) {
    double *solved = work + (int64_t)n * n;
    double determinant = 0, square = 0;
    // L L' = 1 + change covariance and L solved = mean, row by row.
    for (int32_t i = 0; i < n; i++) {
        double *row = work + (int64_t)i * n;
        const double *source = covariance + (int64_t)i * n;
        for (int32_t j = 0; j < i; j++) {
            const double *other = work + (int64_t)j * n;
            row[j] = (change * source[j] - dot(j, row, other)) * other[j];
        }
        double pivot = 1 + change * source[i] - dot(i, row, row);
        if (!(pivot > 1e-12)) return NAN;
        determinant += elementary_log(pivot);
        // Kept as its inverse, since it is only ever divided by.
        row[i] = 1 / sqrt(pivot);
        solved[i] = (mean[i] - dot(i, row, solved)) * row[i];
        square += solved[i] * solved[i];
    }
    return -0.5 * (determinant + change * square);
}

MULTIVERSION
int32_t posterior_reweigh(
    int32_t active, const double *prior, double *K, double *mean, double *shift, double change,
    double *scratch) {
    double *g = scratch, *y = scratch + STRIDE;
    for (int32_t a = 0; a < active; a++) {
        const double *u = prior + (int64_t)a * STRIDE;
        for (int32_t i = 0; i < active; i++) g[i] = -dot(active, K + (int64_t)i * STRIDE, u);
        g[a] += 1;
        for (int32_t i = 0; i < active; i++) y[i] = dot(active, prior + (int64_t)i * STRIDE, g);
        double pivot = 1 + change * y[a];
        if (!(pivot > 1e-12)) return 0;
        double step = change / pivot, move = -step * mean[a];
        for (int32_t i = 0; i < active; i++) {
            double *row = K + (int64_t)i * STRIDE, f = step * g[i];
            for (int32_t j = 0; j < active; j++) row[j] += f * g[j];
            shift[i] += move * g[i];
            mean[i] += move * y[i];
        }
    }
    return 1;
}

MULTIVERSION
void posterior_group_sums(
    int64_t count, const double *precision, const double *eta, const uint8_t *group,
    const double *tau, double *gamma, double *square) {
    for (int64_t h = 0; h < count; h++) {
        if (!(precision[h] > 1e-12)) continue;
        double t = tau[group[h]], v = 1 / (t + precision[h]), m = eta[h] * v;
        gamma[group[h]] += 1 - t * v;
        square[group[h]] += m * m;
    }
}
