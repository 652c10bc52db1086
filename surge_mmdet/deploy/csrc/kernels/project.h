// Pixels times a small matrix: the predictions of a head, vectors over outputs.
#pragma once
#include <cstring>

#include "bconv.h"

namespace surge {
namespace {

template <class Simd>
void project(const float* x, int64_t pixels, int64_t channels, const float* weight,
             const float* bias, int64_t outputs, float* out) {
  constexpr int N = Simd::N, kUnits = 8;
  const int64_t lanes = (outputs + kLanes - 1) / kLanes * kLanes;
  alignas(64) float sums[kUnits][N];
  for (int64_t at = 0; at < pixels; at += kUnits) {
    const float* p[kUnits];
    for (int64_t u = 0; u < kUnits; u++)
      p[u] = x + (at + u < pixels ? at + u : pixels - 1) * channels;
    for (int64_t first = 0; first < outputs; first += N) {
      const auto start = Simd::load(bias + first);
      // Named accumulators: gcc spills arrays of them.
#define SURGE_ALL(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
#define SURGE_DEFINE(u) auto s##u = start;
#define SURGE_ADD(u) s##u = Simd::fma(Simd::set(p[u][c]), w, s##u);
#define SURGE_STORE(u) Simd::store(sums[u], s##u);
      SURGE_ALL(SURGE_DEFINE)
      for (int64_t c = 0; c < channels; c++) {
        const auto w = Simd::load(weight + c * lanes + first);
        SURGE_ALL(SURGE_ADD)
      }
      SURGE_ALL(SURGE_STORE)
#undef SURGE_ALL
#undef SURGE_DEFINE
#undef SURGE_ADD
#undef SURGE_STORE
      const int64_t n = outputs - first < N ? outputs - first : N;
      for (int64_t u = 0; u < kUnits && at + u < pixels; u++)
        std::memcpy(out + (at + u) * outputs + first, sums[u], n * sizeof(float));
    }
  }
}

}  // namespace
}  // namespace surge
