/* oneDNN's single-precision products of a forward pass, one run for each line read: deploy/bench/peers
 * builds this and takes turns with it. Every thread has matrices of its own and calls the library
 * on one thread. Arguments: hidden size, inner size, threads. Prints GFLOP/s, a line a run. */
#include <dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { shapes = 4, rows = 512, repeats = 8, most_threads = 256 };

struct product {
    dnnl_dim_t inner, columns;
    float *x, *w, *c;
};

static float *filled(size_t count) {
    float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!values) exit(69);
    for (size_t i = 0; i < count; i++) values[i] = (float)(i % 17) * 0.01f;
    return values;
}

static void *run(void *work) {
    struct product *products = work;
    for (int repeat = 0; repeat < repeats; repeat++)
        for (int i = 0; i < shapes; i++) {
            struct product *p = &products[i];
            /* c = x w' with w (columns, inner), as a model's file holds it. */
            if (dnnl_sgemm('N', 'T', rows, p->columns, p->inner, 1, p->x, p->inner, p->w, p->inner,
                           0, p->c, p->columns) != dnnl_success)
                exit(70);
        }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 4) return 64;
    dnnl_dim_t hidden = atoi(arguments[1]), inner = atoi(arguments[2]);
    int threads = atoi(arguments[3]);
    if (hidden < 1 || inner < 1 || threads < 1 || threads > most_threads) return 64;
    const dnnl_dim_t sizes[shapes][2] = {
        {hidden, 3 * hidden}, {hidden, hidden}, {hidden, inner}, {inner, hidden}};
    static struct product work[most_threads][shapes];
    double operations = 0;
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < shapes; i++) {
            dnnl_dim_t k = sizes[i][0], n = sizes[i][1];
            work[t][i] = (struct product){
                k, n, filled(rows * k), filled(n * k), filled(rows * n)};
            operations += 2.0 * rows * k * n * repeats;
        }
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        pthread_t started[most_threads];
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int t = 1; t < threads; t++)
            if (pthread_create(&started[t], NULL, run, work[t])) return 69;
        run(work[0]);
        for (int t = 1; t < threads; t++) pthread_join(started[t], NULL);
        clock_gettime(CLOCK_MONOTONIC, &end);
        double seconds = (double)(end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) * 1e-9;
        printf("%.3f\n", operations / seconds * 1e-9);
        fflush(stdout);
    }
    return 0;
}
