// Real convolutions of few input channels (the stem, which reads an image), then the epilogue.
//
// Sums of 6 output pixels stay in registers while a filter is read once; its weights fit the first
// level cache. Weights: [panel of 64 outputs][ky][kx][channel][output], zeros behind the last one.
#pragma once
#include "epilogue.h"

namespace surge {
namespace {

// Pixel pointers into the padded map; `row` floats lie between two of its rows.
template <class Simd>
void direct_sums(const Geometry& g, const float* const* source, int64_t row, const float* weights,
                 float (*sums)[kPanel]) {
  constexpr int N = Simd::N, V = Simd::kVectors;
  const int64_t run = g.kernel_w * g.channels;
  for (int lane = 0; lane < kPanel; lane += V * N) {
    const float* w = weights + lane;
    const auto zero = Simd::set(0.0f);
    // Named accumulators: gcc spills arrays of them.
#define SURGE_ALL(f) f(0) f(1) f(2) f(3) f(4) f(5)
#define SURGE_DEFINE(u) auto c##u##0 = zero, c##u##1 = zero, c##u##2 = zero, c##u##3 = zero;
    SURGE_ALL(SURGE_DEFINE)
    for (int64_t y = 0; y < g.kernel_h; y++)
      for (int64_t j = y * row; j < y * row + run; j++, w += kPanel) {
        const auto w0 = Simd::load(w), w1 = Simd::load(w + N);
        const auto w2 = V > 2 ? Simd::load(w + 2 * N) : zero, w3 = V > 2 ? Simd::load(w + 3 * N) : zero;
#define SURGE_ADD(u)                              \
  {                                               \
    const auto a = Simd::set(source[u][j]);       \
    c##u##0 = Simd::fma(a, w0, c##u##0);          \
    c##u##1 = Simd::fma(a, w1, c##u##1);          \
    if constexpr (V > 2) {                        \
      c##u##2 = Simd::fma(a, w2, c##u##2);        \
      c##u##3 = Simd::fma(a, w3, c##u##3);        \
    }                                             \
  }
        SURGE_ALL(SURGE_ADD)
      }
#define SURGE_STORE(u)                            \
  Simd::store(sums[u] + lane, c##u##0);           \
  Simd::store(sums[u] + lane + N, c##u##1);       \
  if constexpr (V > 2) {                          \
    Simd::store(sums[u] + lane + 2 * N, c##u##2); \
    Simd::store(sums[u] + lane + 3 * N, c##u##3); \
  }
    SURGE_ALL(SURGE_STORE)
#undef SURGE_ALL
#undef SURGE_DEFINE
#undef SURGE_ADD
#undef SURGE_STORE
  }
}

template <class Simd>
void direct(const Geometry& g, const float* padded, const float* weights, const Epilogue& e,
            int64_t image, int64_t begin, int64_t end) {
  constexpr int kUnits = 6;
  const int64_t row = (g.width + 2 * g.pad_w) * g.channels, width = g.out_width();
  const int64_t filter = g.kernel_h * g.kernel_w * g.channels * kPanel;
  alignas(64) float sums[kUnits][kPanel];
  for (int64_t y = begin; y < end; y++)
    for (int64_t first = 0; first < g.outputs; first += kPanel) {
      const int64_t n = g.outputs - first < kPanel ? g.outputs - first : kPanel;
      for (int64_t x = 0; x < width; x += kUnits) {
        const float* source[kUnits];
        for (int64_t u = 0; u < kUnits; u++) {
          const int64_t at = x + u < width ? x + u : width - 1;
          source[u] = padded + y * g.stride_h * row + at * g.stride_w * g.channels;
        }
        direct_sums<Simd>(g, source, row, weights + first / kPanel * filter, sums);
        for (int64_t u = 0; u < kUnits && x + u < width; u++) {
          const int64_t pixel = (image * g.out_height() + y) * width + x + u;
          finish<Simd>(e, Floats<Simd>{sums[u]}, g.outputs, pixel, pixel, first, n);
        }
      }
    }
}

}  // namespace
}  // namespace surge
