// Rows of floats to 8 bits, and their products with small integers: fully connected layers.
//
// x = scale * (q - 128), one scale per row, q in 1..255; weights are integers of at most `kMost`, one
// scale per output. Four products are added at a time. Where that is done in two steps, the first
// gives 16 bits: kMost is 63 there, since 2 * 255 * 63 < 2^15. Sums begin with -128 for each weight,
// so every partial sum of n columns is within 128 * 127 * n: exact in 32 bits up to kMostColumns.
//
// Weights: [panel of 16 outputs][column / 4][output][4], zeros behind the last output.
#pragma once
#include <cstring>

#include "bconv.h"

namespace surge {
namespace {

constexpr uint32_t kMagnitude = 0x7fffffffu;  // all bits of a float but its sign
constexpr uint32_t kInfinity = 0x7f800000u;   // magnitudes from here on are no numbers
constexpr float kRounding = 12583040.0f;      // 1.5 * 2^23 + 128: a sum's low byte is q
constexpr float kSmallest = 1e-30f;           // rows of less are zeros

inline uint32_t bits_of(float v) {
  uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

// Magnitudes are compared as integers, in whose order infinity and NaN come last: one of them makes
// the row's scale NaN, and so all that is made of it, whatever its bytes are.
inline void quantize_row(const float* __restrict x, int64_t n, uint8_t* __restrict q,
                         float* __restrict scale) {
  uint32_t top = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(x[i]) & kMagnitude;
    top = bits > top ? bits : top;
  }
  float largest;
  std::memcpy(&largest, &top, sizeof top);
  *scale = top < kInfinity ? largest / 127.0f : __builtin_nanf("");
  const float factor = largest > kSmallest ? 127.0f / largest : 0.0f;
  for (int64_t i = 0; i < n; i++) q[i] = static_cast<uint8_t>(bits_of(x[i] * factor + kRounding));
}

inline void quantize(const float* x, int64_t rows, int64_t columns, uint8_t* q, float* scale) {
  for (int64_t r = 0; r < rows; r++)
    quantize_row(x + r * columns, columns, q + r * columns, scale + r);
}

inline void finish_int8(const Int8Layer& layer, const int32_t* sums, float scale, int64_t panel,
                        float* out) {
  const int64_t first = panel * kLanes, left = layer.outputs - first;
  for (int64_t o = 0; o < (left < kLanes ? left : kLanes); o++) {
    const float sum = static_cast<float>(sums[o]) * scale;
    const float v = __builtin_fmaf(sum, layer.scale[first + o], layer.bias[first + o]);
    out[first + o] = layer.relu && v < 0.0f ? 0.0f : v;
  }
}

// Outputs of the panels [begin, end).
//
// Dot: kMost; kN sums of a vector; start(p), four(p) to all lanes, weights(p), add, store.
template <class Dot>
void int8_product(const Int8Layer& layer, const uint8_t* x, const float* scale, int64_t rows,
                  float* out, int64_t begin, int64_t end) {
  constexpr int V = kLanes / Dot::kN, kRows = 12 / V;
  const int64_t columns = layer.columns;
  alignas(64) int32_t sums[kRows][kLanes];
  for (int64_t panel = begin; panel < end; panel++)
    for (int64_t row = 0; row < rows; row += kRows) {
      const uint8_t* p[kRows];
      for (int64_t r = 0; r < kRows; r++)
        p[r] = x + (row + r < rows ? row + r : rows - 1) * columns;
      const int8_t* w = layer.weights + panel * kLanes * columns;
      const int32_t* start = layer.start + panel * kLanes;
      // Named accumulators: gcc spills arrays of them.
#define SURGE_ALL(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#define SURGE_DEFINE(i) auto c##i = Dot::start(start + i % V * Dot::kN);
#define SURGE_ADD(i) \
  c##i = Dot::add(c##i, Dot::four(p[i / V] + k), Dot::weights(w + i % V * Dot::kN * 4));
#define SURGE_STORE(i) Dot::store(sums[i / V] + i % V * Dot::kN, c##i);
      SURGE_ALL(SURGE_DEFINE)
      for (int64_t k = 0; k < columns; k += 4, w += kLanes * 4) {
        SURGE_ALL(SURGE_ADD)
      }
      SURGE_ALL(SURGE_STORE)
#undef SURGE_ALL
#undef SURGE_DEFINE
#undef SURGE_ADD
#undef SURGE_STORE
      for (int64_t r = 0; r < kRows && row + r < rows; r++)
        finish_int8(layer, sums[r], scale[row + r], panel, out + (row + r) * layer.outputs);
    }
}

// For any processor: all outputs of a panel as one vector.
struct PlainDot {
  static constexpr int kN = kLanes, kMost = 127;
  struct Sums {
    int32_t of[kLanes];
  };
  static Sums start(const int32_t* p) {
    Sums s;
    std::memcpy(&s, p, sizeof s);
    return s;
  }
  static const uint8_t* four(const uint8_t* p) { return p; }
  static const int8_t* weights(const int8_t* p) { return p; }
  static Sums add(Sums s, const uint8_t* x, const int8_t* w) {
    for (int o = 0; o < kLanes; o++)
      for (int i = 0; i < 4; i++) s.of[o] += x[i] * w[4 * o + i];
    return s;
  }
  static void store(int32_t* p, const Sums& s) { std::memcpy(p, &s, sizeof s); }
};

}  // namespace
}  // namespace surge
