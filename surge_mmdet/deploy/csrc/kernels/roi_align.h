// RoIAlign (He et al., ICCV 2017), averages, on NHWC maps: vectors over channels.
//
// Bilinear samples are separable: a bin is a weighted sum over a few neighbouring rows and columns,
// whose weights depend on one axis each. They are gathered once per region and axis, so that a pixel
// that several samples of a bin touch is read once.
#pragma once
#include <cmath>
#include <cstring>
#include <vector>

#include "bconv.h"

namespace surge {
namespace {

// One bin along one axis: weights of the pixels first, first + 1, ...
struct Span {
  int64_t first = 0;
  std::vector<float> weights;
};

inline void add_weight(Span& span, int64_t at, float weight) {
  if (span.weights.empty()) span.first = at;
  while (at < span.first) span.weights.insert(span.weights.begin(), 0.0f), span.first--;
  while (at >= span.first + static_cast<int64_t>(span.weights.size())) span.weights.push_back(0.0f);
  span.weights[at - span.first] += weight;
}

// Samples of a bin of so many pixels. None where its size is no positive number; not one per pixel
// where it is larger than any map, so that a box that was never clipped ends soon.
inline int64_t samples_of(float bin, int64_t sampling) {
  constexpr float kMostSamples = 1 << 14;
  if (sampling > 0) return sampling;
  const float pixels = std::ceil(bin);
  if (!(pixels > 0.0f && pixels < INFINITY)) return 0;
  return static_cast<int64_t>(pixels < kMostSamples ? pixels : kMostSamples);
}

inline void fill_spans(std::vector<Span>& spans, float start, float length, int64_t size,
                       int64_t sampling) {
  const float bin = length / static_cast<float>(spans.size());
  const int64_t grid = samples_of(bin, sampling);
  for (size_t i = 0; i < spans.size(); i++) {
    spans[i].weights.clear();
    for (int64_t s = 0; s < grid; s++) {
      float at = start + static_cast<float>(i) * bin +
                 (static_cast<float>(s) + 0.5f) * bin / static_cast<float>(grid);
      if (!(at >= -1.0f && at <= static_cast<float>(size))) continue;  // outside, or NaN
      if (at < 0) at = 0;
      int64_t low = static_cast<int64_t>(at);
      if (low >= size - 1) {
        add_weight(spans[i], size - 1, 1.0f / static_cast<float>(grid));
        continue;
      }
      const float high = at - static_cast<float>(low);
      add_weight(spans[i], low, (1.0f - high) / static_cast<float>(grid));
      add_weight(spans[i], low + 1, high / static_cast<float>(grid));
    }
  }
}

// The bins of a region, x1, y1, x2, y2 behind its image, along both axes of a map.
inline void spans_of(const float* roi, const Level& level, bool aligned, int64_t sampling,
                     std::vector<Span>& rows, std::vector<Span>& columns) {
  const float shift = aligned ? 0.5f : 0.0f;
  const float x = roi[1] * level.scale - shift, y = roi[2] * level.scale - shift;
  float w = roi[3] * level.scale - shift - x, h = roi[4] * level.scale - shift - y;
  if (!aligned) w = w > 1.0f ? w : 1.0f, h = h > 1.0f ? h : 1.0f;
  fill_spans(rows, y, h, level.height, sampling);
  fill_spans(columns, x, w, level.width, sampling);
}

template <class Simd>
void weighted_sum(int64_t c, int64_t row, const float* map, const Span& rows, const Span& columns,
                  float* out) {
  constexpr int N = Simd::N, B = 4;  // B vectors at a time stay in registers
  const float* from = map + rows.first * row + columns.first * c;
  int64_t i = 0;
  for (; i + B * N <= c; i += B * N) {
    auto s0 = Simd::set(0.0f), s1 = s0, s2 = s0, s3 = s0;
    for (size_t y = 0; y < rows.weights.size(); y++)
      for (size_t x = 0; x < columns.weights.size(); x++) {
        const float* p = from + y * row + x * c + i;
        const auto w = Simd::set(rows.weights[y] * columns.weights[x]);
        s0 = Simd::fma(Simd::load(p), w, s0);
        s1 = Simd::fma(Simd::load(p + N), w, s1);
        s2 = Simd::fma(Simd::load(p + 2 * N), w, s2);
        s3 = Simd::fma(Simd::load(p + 3 * N), w, s3);
      }
    Simd::store(out + i, s0);
    Simd::store(out + i + N, s1);
    Simd::store(out + i + 2 * N, s2);
    Simd::store(out + i + 3 * N, s3);
  }
  for (; i < c; i++) {
    float sum = 0;
    for (size_t y = 0; y < rows.weights.size(); y++)
      for (size_t x = 0; x < columns.weights.size(); x++)
        sum += from[y * row + x * c + i] * (rows.weights[y] * columns.weights[x]);
    out[i] = sum;
  }
}

template <class Simd>
void align_one(const RoiAlign& a, const Level& level, const float* roi, std::vector<Span>& rows,
               std::vector<Span>& columns, float* out) {
  spans_of(roi, level, a.aligned, a.sampling, rows, columns);
  const int64_t row = level.width * a.channels;
  const float* map = level.map + static_cast<int64_t>(roi[0]) * level.height * row;
  for (const Span& r : rows)
    for (const Span& c : columns) {
      weighted_sum<Simd>(a.channels, row, map, r, c, out);
      out += a.channels;
    }
}

template <class Simd>
void roi_align(const RoiAlign& a, const float* rois, const int64_t* level, int64_t count,
               float* out) {
  std::vector<Span> rows(a.out_height), columns(a.out_width);
  const int64_t size = a.out_height * a.out_width * a.channels;
  for (int64_t k = 0; k < count; k++) {
    if (level[k] >= 0 && level[k] < static_cast<int64_t>(a.levels.size()))
      align_one<Simd>(a, a.levels[level[k]], rois + k * 5, rows, columns, out + k * size);
    else
      std::memset(out + k * size, 0, size * sizeof(float));
  }
}

}  // namespace
}  // namespace surge
