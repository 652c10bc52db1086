// Max pooling and real convolutions of few channels against loops written out.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "../kernels/bconv.h"

namespace surge {
namespace {

std::mt19937 engine(0);
float normal() { return std::normal_distribution<float>()(engine); }

int64_t pick(std::initializer_list<int64_t> from) {
  return from.begin()[std::uniform_int_distribution<size_t>(0, from.size() - 1)(engine)];
}

struct Aligned {
  explicit Aligned(size_t bytes)
      : p(static_cast<uint8_t*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64))) {}
  ~Aligned() { std::free(p); }
  uint8_t* p;
};

std::vector<float> normals(int64_t size) {
  std::vector<float> v(size);
  for (auto& f : v) f = normal();
  return v;
}

void need(bool condition, const Kernel& k, const char* what) {
  if (condition) return;
  std::printf("%s: %s differs\n", k.name, what);
  std::exit(1);
}

bool same(float a, float b) { return std::isnan(a) ? std::isnan(b) : a == b; }

float maximum(const Pool& p, const float* map, int64_t y, int64_t x, int64_t c) {
  float best = -INFINITY;
  for (int64_t i = y * p.stride_h - p.pad_h; i < y * p.stride_h - p.pad_h + p.kernel_h; i++)
    for (int64_t j = x * p.stride_w - p.pad_w; j < x * p.stride_w - p.pad_w + p.kernel_w; j++) {
      if (i < 0 || i >= p.height || j < 0 || j >= p.width) continue;
      const float v = map[(i * p.width + j) * p.channels + c];
      if (std::isnan(v)) return v;
      best = std::fmax(best, v);
    }
  return best;
}

// Each pooled row by itself, from no more rows of the map than it needs.
void check_pool(const Kernel& k) {
  Pool p{pick({1, 2, 5, 8}), pick({1, 3, 6, 13}), pick({1, 5, 16, 33, 64, 65, 130}), 0, 0,
         pick({1, 2, 3}), pick({1, 2, 3}), pick({1, 2, 3}), pick({1, 2, 3}), 0, 0};
  p.pad_h = p.kernel_h > 1 ? pick({0, 1}) : 0;
  p.pad_w = p.kernel_w > 1 ? pick({0, 1}) : 0;
  p.out_height = (p.height + p.pad_h - 1) / p.stride_h + 1;  // as many as there can be
  p.out_width = (p.width + p.pad_w - 1) / p.stride_w + 1;
  need(!p.problem(), k, "what a window may be");
  std::vector<float> map = normals(p.height * p.width * p.channels);
  map[0] = NAN;
  const int64_t pixels = p.out_height * p.out_width;
  std::vector<float> out(pixels * p.channels + 1, -77.0f);
  const int64_t words = (p.channels + 31) / 32;
  std::vector<uint32_t> signs(pixels * words + 1, 0xabcdabcdu);
  Epilogue e;
  e.out = out.data();
  e.signs = signs.data();
  for (int64_t y = 0; y < p.out_height; y++) {
    const int64_t first = p.first_row(y), row = p.width * p.channels;
    const std::vector<float> part(map.begin() + first * row,
                                  map.begin() + p.last_row(y + 1) * row);
    k.pool(p, part.data(), first, e, 0, y, y + 1);
  }
  for (int64_t i = 0; i < pixels * p.channels; i++) {
    const int64_t pixel = i / p.channels, c = i % p.channels;
    const float want = maximum(p, map.data(), pixel / p.out_width, pixel % p.out_width, c);
    need(same(out[i], want), k, "a maximum");
    const bool sign = signs[pixel * words + c / 32] >> (c % 32) & 1;
    need(sign == (want >= 0), k, "the sign of a maximum");
  }
  need(out.back() == -77.0f && signs.back() == 0xabcdabcdu, k, "what lies behind a pooled map");
}

void check_direct(const Kernel& k) {
  Geometry g{1, pick({1, 2, 9}), pick({1, 3, 6, 13}), pick({1, 3, 4}), pick({1, 5, 64, 70, 128}), 1,
             pick({1, 3, 7}), pick({1, 3, 7}), pick({1, 2}), pick({1, 2}), pick({0, 1, 3}),
             pick({0, 1, 3}), 1, 1};
  if (g.problem()) return;
  const int64_t row = (g.width + 2 * g.pad_w) * g.channels;
  const int64_t steps = g.kernel_h * g.kernel_w * g.channels, panels = (g.outputs + 63) / 64;
  const std::vector<float> padded = normals((g.height + 2 * g.pad_h) * row);
  const std::vector<float> weights = normals(panels * steps * kPanel), slope = normals(g.outputs);
  const int64_t size = g.out_height() * g.out_width() * g.outputs;
  std::vector<float> out(size + 1, -77.0f);
  Epilogue e;
  e.out = out.data();
  e.slope = slope.data();
  k.direct(g, padded.data(), weights.data(), e, 0, 0, g.out_height());
  for (int64_t i = 0; i < size; i++) {
    const int64_t o = i % g.outputs, x = i / g.outputs % g.out_width();
    const int64_t y = i / g.outputs / g.out_width();
    double sum = 0, all = 1;
    for (int64_t s = 0; s < steps; s++) {
      const int64_t ky = s / (g.kernel_w * g.channels), rest = s % (g.kernel_w * g.channels);
      const double product =
          static_cast<double>(padded[(y * g.stride_h + ky) * row + x * g.stride_w * g.channels +
                                     rest]) *
          weights[(o / kPanel * steps + s) * kPanel + o % kPanel];
      sum += product;
      all += std::fabs(product);
    }
    const double want = sum > 0 ? sum : sum * slope[o];
    need(std::fabs(out[i] - want) < 1e-6 * all * (1 + std::fabs(slope[o])), k, "a real sum");
  }
  need(out.back() == -77.0f, k, "what lies behind a real convolution");
}

void check_maps(const Kernel& k) {
  check_pool(k);
  check_direct(k);
}

}  // namespace
}  // namespace surge
