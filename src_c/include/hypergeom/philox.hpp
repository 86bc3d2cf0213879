// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// Counter-based: the numbers of an (epoch, node) depend on nothing else, on any device, for any number of threads.
#pragma once
#include "config.h"

namespace hypergeom {

struct Philox {
    unsigned key0, key1;

    HG_FN explicit Philox(unsigned long long seed) : key0(unsigned(seed)), key1(unsigned(seed >> 32)) {}

    // Four 32-bit numbers at the counter (a, b, c, d), in place.
    HG_FN void operator()(unsigned& a, unsigned& b, unsigned& c, unsigned& d) const {
        unsigned k0 = key0, k1 = key1;
        for (int round = 0; round < 10; ++round) {
            const unsigned long long p0 = 0xD2511F53ull * a, p1 = 0xCD9E8D57ull * c;
            a = unsigned(p1 >> 32) ^ b ^ k0;
            c = unsigned(p0 >> 32) ^ d ^ k1;
            b = unsigned(p1);
            d = unsigned(p0);
            k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
        }
    }
};

// Uniform in {0, ..., n - 1}; the bias is below n / 2^32.
HG_FN unsigned below(unsigned random, unsigned n) {
    return unsigned((static_cast<unsigned long long>(random) * n) >> 32);
}

}  // namespace hypergeom
