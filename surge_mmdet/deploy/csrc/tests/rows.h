// Products of small integers, projections and suppression against loops written out.
#pragma once
#include "maps.h"

namespace surge {
namespace {

int64_t whole(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

void check_quantize(const Kernel& k) {
  const int64_t rows = 5, columns = pick({1, 4, 33, 300});
  std::vector<float> x = normals(rows * columns), scale(rows);
  for (int64_t i = 0; i < columns; i++) x[columns + i] = 0.0f;
  x[2 * columns] = NAN, x[3 * columns] = INFINITY;
  std::vector<uint8_t> q(rows * columns + 1, 77);
  k.quantize(x.data(), rows, columns, q.data(), scale.data());
  for (int64_t r : {0, 1, 4}) {
    float largest = 0;
    for (int64_t i = 0; i < columns; i++)
      largest = std::fmax(largest, std::fabs(x[r * columns + i]));
    need(scale[r] == largest / 127.0f, k, "the scale of a row");
    for (int64_t i = 0; i < columns; i++) {
      const float at = largest > 0 ? x[r * columns + i] * (127.0f / largest) : 0.0f;
      need(q[r * columns + i] == 128 + std::nearbyint(at), k, "a quantized value");
    }
  }
  need(std::isnan(scale[2]) && std::isnan(scale[3]), k, "the scale of a row without numbers");
  need(q.back() == 77, k, "what lies behind quantized rows");
}

// Where `largest`, inputs and weights are as large as they can be: nothing may overflow.
void check_int8(const Kernel& k, bool largest, int64_t columns) {
  const int64_t rows = pick({1, 5, 12, 13, 30}), outputs = pick({1, 15, 16, 40});
  const int64_t lanes = whole(outputs, kLanes);
  std::uniform_int_distribution<int> any(largest ? k.int8_most : -k.int8_most, k.int8_most);
  std::vector<uint8_t> x(rows * columns);
  for (auto& v : x) v = largest ? 255 : pick({1, 2, 100, 128, 200, 255});
  Aligned weights(lanes * columns), start(lanes * 4);
  auto* w = reinterpret_cast<int8_t*>(weights.p);
  auto* s = reinterpret_cast<int32_t*>(start.p);
  for (int64_t i = 0; i < lanes * columns; i++) w[i] = static_cast<int8_t>(any(engine));
  const auto weight = [&](int64_t o, int64_t c) {
    return w[((o / kLanes * columns + c / 4 * 4) * kLanes) + o % kLanes * 4 + c % 4];
  };
  for (int64_t o = 0; o < lanes; o++) {
    s[o] = 0;
    for (int64_t c = 0; c < columns; c++) s[o] -= 128 * weight(o, c);
  }
  const std::vector<float> scale = normals(outputs), bias = normals(outputs), steps = normals(rows);
  std::vector<float> out(rows * outputs + 1, -77.0f);
  const Int8Layer layer{w, s, scale.data(), bias.data(), outputs, columns, !largest};
  k.int8_product(layer, x.data(), steps.data(), rows, out.data(), 0, lanes / kLanes);
  for (int64_t i = 0; i < rows * outputs; i++) {
    const int64_t r = i / outputs, o = i % outputs;
    int64_t sum = 0;
    for (int64_t c = 0; c < columns; c++) sum += (x[r * columns + c] - 128) * weight(o, c);
    const float v = std::fmaf(static_cast<float>(sum) * steps[r], scale[o], bias[o]);
    need(out[i] == (!largest && v < 0 ? 0.0f : v), k, "a product of int8");
  }
  need(out.back() == -77.0f, k, "what lies behind products of int8");
}

void check_project(const Kernel& k) {
  const int64_t pixels = pick({1, 7, 8, 19}), channels = pick({1, 16, 70});
  const int64_t outputs = pick({1, 8, 15, 16, 33}), lanes = whole(outputs, kLanes);
  const std::vector<float> x = normals(pixels * channels), w = normals(channels * lanes);
  const std::vector<float> bias = normals(lanes);
  std::vector<float> out(pixels * outputs + 1, -77.0f);
  k.project(x.data(), pixels, channels, w.data(), bias.data(), outputs, out.data());
  for (int64_t i = 0; i < pixels * outputs; i++) {
    double sum = bias[i % outputs], all = 1;
    for (int64_t c = 0; c < channels; c++) {
      const double product =
          static_cast<double>(x[i / outputs * channels + c]) * w[c * lanes + i % outputs];
      sum += product;
      all += std::fabs(product);
    }
    need(std::fabs(out[i] - sum) < 1e-6 * all, k, "a projection");
  }
  need(out.back() == -77.0f, k, "what lies behind a projection");
}

void check_rows(const Kernel& k) {
  check_quantize(k);
  for (bool largest : {true, false}) check_int8(k, largest, pick({4, 12, 100, 1024}));
  check_project(k);
}

}  // namespace
}  // namespace surge
