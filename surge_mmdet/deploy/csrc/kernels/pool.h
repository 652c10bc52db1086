// Max pooling of NHWC maps, then the epilogue: vectors over channels.
#pragma once
#include "epilogue.h"

namespace surge {
namespace {

struct Window {
  const float* from;  // its first pixel, first channel
  int64_t rows, columns, row, channels;
};

template <class Simd>
void maxima(const Window& w, int64_t first, int64_t n, float* to) {
  constexpr int N = Simd::N;
  int64_t i = 0;
  for (; i + N <= n; i += N) {
    const float* p = w.from + first + i;
    auto v = Simd::load(p);
    for (int64_t y = 0; y < w.rows; y++)
      for (int64_t x = 0; x < w.columns; x++)
        v = Simd::max_or_nan(v, Simd::load(p + y * w.row + x * w.channels));
    Simd::store(to + i, v);
  }
  for (; i < n; i++) {
    const float* p = w.from + first + i;
    float v = *p;
    for (int64_t y = 0; y < w.rows; y++)
      for (int64_t x = 0; x < w.columns; x++) {
        const float next = p[y * w.row + x * w.channels];
        v = v != v || v > next ? v : next;
      }
    to[i] = v;
  }
}

// [begin, end) of one axis that the window of output `at` covers.
inline void covered(int64_t at, int64_t stride, int64_t pad, int64_t kernel, int64_t size,
                    int64_t& begin, int64_t& end) {
  begin = at * stride - pad;
  end = begin + kernel < size ? begin + kernel : size;
  if (begin < 0) begin = 0;
}

template <class Simd>
void pool(const Pool& p, const float* map, int64_t map_row, const Epilogue& e, int64_t image,
          int64_t begin, int64_t end) {
  const int64_t row = p.width * p.channels;
  alignas(64) float best[kPanel];
  for (int64_t y = begin; y < end; y++)
    for (int64_t x = 0; x < p.out_width; x++) {
      int64_t top, bottom, left, right;
      covered(y, p.stride_h, p.pad_h, p.kernel_h, p.height, top, bottom);
      covered(x, p.stride_w, p.pad_w, p.kernel_w, p.width, left, right);
      const Window w{map + (top - map_row) * row + left * p.channels, bottom - top, right - left,
                     row, p.channels};
      for (int64_t first = 0; first < p.channels; first += kPanel) {
        const int64_t n = p.channels - first < kPanel ? p.channels - first : kPanel;
        maxima<Simd>(w, first, n, best);
        const int64_t pixel = (image * p.out_height + y) * p.out_width + x;
        finish<Simd>(e, Floats<Simd>{best}, p.channels, pixel, pixel, first, n);
      }
    }
}

}  // namespace
}  // namespace surge
