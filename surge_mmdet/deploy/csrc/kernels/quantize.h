// Rows of floats to int8, for products of integers.
#pragma once
#include <cstring>

#include "bconv.h"

namespace surge {
namespace {

constexpr uint32_t kMagnitude = 0x7fffffffu;   // all bits of a float but its sign
constexpr float kRounding = 12582912.0f;       // 1.5 * 2^23: adding it leaves integers in the low bits
constexpr float kSmallest = 1e-30f;            // rows of less are zeros

inline uint32_t bits_of(float v) {
  uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

// Symmetric: the largest magnitude becomes 127. Magnitudes are compared as integers, in whose
// order NaN comes last: one NaN makes the row's scale NaN.
inline void quantize_row(const float* __restrict x, int64_t n, int8_t* __restrict q,
                         float* __restrict scale) {
  uint32_t top = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(x[i]) & kMagnitude;
    top = bits > top ? bits : top;
  }
  float largest;
  std::memcpy(&largest, &top, sizeof top);
  *scale = largest / 127.0f;
  const float factor = largest > kSmallest ? 127.0f / largest : 0.0f;
  for (int64_t i = 0; i < n; i++) q[i] = static_cast<int8_t>(bits_of(x[i] * factor + kRounding));
}

inline void quantize(const float* x, int64_t rows, int64_t columns, int8_t* q, float* scale) {
  for (int64_t r = 0; r < rows; r++)
    quantize_row(x + r * columns, columns, q + r * columns, scale + r);
}

}  // namespace
}  // namespace surge
