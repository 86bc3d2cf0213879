// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// Counter-based: the numbers of an (epoch, node) depend on nothing else, on any device, for any number of threads.
#pragma once
#include "config.h"

namespace hypergeom {

struct Philox {
    unsigned key0, key1;

    HG_FN explicit Philox(unsigned long long seed) : key0(unsigned(seed)), key1(unsigned(seed >> 32)) {}

    // Four 32-bit numbers at each of `blocks` counters (a[i], b[i], c[i], d[i]), in place. The rounds are the outer
    // loop so that the inner one vectorizes.
    template <int blocks>
    HG_FN void fill(unsigned* a, unsigned* b, unsigned* c, unsigned* d) const {
        unsigned k0 = key0, k1 = key1;
        for (int round = 0; round < 10; ++round) {
            HG_SIMD
            for (int i = 0; i < blocks; ++i) {
                const unsigned long long p0 = 0xD2511F53ull * a[i], p1 = 0xCD9E8D57ull * c[i];
                a[i] = unsigned(p1 >> 32) ^ b[i] ^ k0;
                c[i] = unsigned(p0 >> 32) ^ d[i] ^ k1;
                b[i] = unsigned(p1);
                d[i] = unsigned(p0);
            }
            k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
        }
    }
};

// Uniform in {0, ..., n - 1}; the bias is below n / 2^32.
HG_FN unsigned below(unsigned random, unsigned n) {
    return unsigned((static_cast<unsigned long long>(random) * n) >> 32);
}

}  // namespace hypergeom
