// The kernels as PyTorch operators, on the stable ABI: one build for every PyTorch from 2.10 on.
#include <cmath>
#include <cstdlib>
#include <memory>

#include "operators.h"

namespace {

using namespace surge;

constexpr int64_t kGrain = 8;  // tiles that are worth a thread

struct Free {
  void operator()(uint8_t* p) const { std::free(p); }
};

// Grows to what the calling thread's largest layer needs, and stays.
uint8_t* scratch(size_t bytes) {
  thread_local std::unique_ptr<uint8_t, Free> memory;
  thread_local size_t size = 0;
  if (bytes > size) {
    memory.reset(static_cast<uint8_t*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64)));
    STD_TORCH_CHECK(memory, "binary_conv: no memory for ", bytes, " bytes");
    size = bytes;
  }
  return memory.get();
}

// channels, outputs, groups, kernel (2), stride (2), padding (2), dilation (2)
Geometry geometry_of(const std::vector<int64_t>& v, int64_t batch, int64_t height,
                            int64_t width) {
  STD_TORCH_CHECK(v.size() == 11, "binary_conv: geometry has 11 numbers, got ", v.size());
  Geometry g{batch, height, width, v[0], v[1], v[2], v[3],
                    v[4],  v[5],   v[6],  v[7], v[8], v[9], v[10]};
  const char* problem = g.problem();
  STD_TORCH_CHECK(!problem, "binary_conv: ", problem);
  return g;
}

// The filter alone, whatever the input will be.
Geometry filter_of(const std::vector<int64_t>& v) {
  STD_TORCH_CHECK(v.size() == 11, "binary_conv: geometry has 11 numbers, got ", v.size());
  return geometry_of(v, 1, v[9] * v[3], v[10] * v[4]);
}

std::string kernel_names() {
  std::string names;
  for (const Kernel* kernel : kernels())
    if (kernel->supported()) names += (names.empty() ? "" : ",") + std::string(kernel->name);
  return names;
}

Tensor pack_signs(Tensor x, Optional threshold, int64_t groups, std::string kernel) {
  const Kernel& k = kernel_of(kernel);
  check(x, ScalarType::Float, "x");
  const int64_t last = x.dim() - 1, channels = x.size(last);
  STD_TORCH_CHECK(groups > 0 && channels > 0 && channels % groups == 0,
                  "pack_signs: groups do not divide the channels");
  const int64_t pixels = numbers(x, 0, last), words = groups * ((channels / groups + 31) / 32);
  std::vector<int64_t> shape;
  for (int64_t i = 0; i < last; i++) shape.push_back(x.size(i));
  shape.push_back(words);
  Tensor out = torch::stable::new_empty(x, shape, ScalarType::Int);
  const float* from = static_cast<const float*>(x.const_data_ptr());
  const float* t = floats(threshold, channels, "threshold");
  auto* to = static_cast<uint32_t*>(out.mutable_data_ptr());
  torch::stable::parallel_for(0, pixels, 1024, [&](int64_t begin, int64_t end) {
    k.pack_signs(from + begin * channels, t, end - begin, channels, groups,
                      to + begin * words);
  });
  return out;
}

std::tuple<Tensor, Tensor> pack_weights(Tensor bits, std::vector<int64_t> geometry,
                                        std::string kernel) {
  check(bits, ScalarType::Int, "bits");
  const Geometry g = filter_of(geometry);
  const Kernel& k = kernel_of(kernel);
  const int64_t taps = g.kernel_h * g.kernel_w;
  STD_TORCH_CHECK(bits.numel() == g.outputs * taps * g.words(),
                  "pack_weights: bits do not fit the geometry");
  Tensor packed = torch::stable::new_empty(
      bits, {static_cast<int64_t>(k.weight_bytes(g))}, ScalarType::Byte);
  Tensor outside = torch::stable::new_empty(bits, {taps, g.outputs}, ScalarType::Float);
  const auto* from = static_cast<const uint32_t*>(bits.const_data_ptr());
  k.pack_weights(g, from, static_cast<uint8_t*>(packed.mutable_data_ptr()));
  count_taps(g, from, static_cast<float*>(outside.mutable_data_ptr()));
  return {packed, outside};
}

std::tuple<Tensor, Tensor> binary_conv(
    Tensor bits, Tensor packed, Tensor outside, std::vector<int64_t> geometry, std::string kernel,
    Tensor scale, Tensor bias, Optional shortcut, Optional shift_in, Optional slope,
    Optional shift_out, std::optional<double> low, std::optional<double> high, Optional threshold,
    bool want_out, bool want_signs) {
  check(bits, ScalarType::Int, "bits");
  check(packed, ScalarType::Byte, "packed");
  STD_TORCH_CHECK(bits.dim() == 4, "binary_conv: bits are (N, H, W, words)");
  const Geometry g = geometry_of(geometry, bits.size(0), bits.size(1), bits.size(2));
  const Kernel& k = kernel_of(kernel);
  STD_TORCH_CHECK(bits.size(3) == g.pixel_words(), "binary_conv: bits have ", bits.size(3),
                  " words per pixel, not ", g.pixel_words());
  STD_TORCH_CHECK(packed.numel() == static_cast<int64_t>(k.weight_bytes(g)),
                  "binary_conv: weights were packed for another kernel or geometry");
  STD_TORCH_CHECK(reinterpret_cast<uintptr_t>(packed.const_data_ptr()) % 64 == 0,
                  "binary_conv: packed weights have to lie on a multiple of 64 bytes");
  STD_TORCH_CHECK(!want_signs || g.groups == 1,
                  "binary_conv: signs of a grouped convolution are packed apart");
  const std::vector<int64_t> shape{g.batch, g.out_height(), g.out_width(), g.outputs};
  const int64_t size = g.batch * g.out_height() * g.out_width() * g.outputs;
  const int64_t taps = g.kernel_h * g.kernel_w;
  const Plan plan = make_plan(g, floats(outside, taps * g.outputs, "outside"));

  Tensor out = torch::stable::new_empty(
      bits, want_out ? shape : std::vector<int64_t>{0}, ScalarType::Float);
  Tensor signs = torch::stable::new_empty(
      bits, want_signs ? std::vector<int64_t>{shape[0], shape[1], shape[2], g.out_words()}
                       : std::vector<int64_t>{0}, ScalarType::Int);
  Epilogue e;
  e.scale = floats(scale, g.outputs, "scale");
  e.bias = floats(bias, g.outputs, "bias");
  e.shortcut = floats(shortcut, size, "shortcut");
  e.shift_in = floats(shift_in, g.outputs, "shift_in");
  e.slope = floats(slope, g.outputs, "slope");
  e.shift_out = floats(shift_out, g.outputs, "shift_out");
  e.threshold = floats(threshold, g.outputs, "threshold");
  e.clamp = low.has_value() || high.has_value();
  e.low = static_cast<float>(low.value_or(-HUGE_VAL));
  e.high = static_cast<float>(high.value_or(HUGE_VAL));
  if (want_out) e.out = static_cast<float*>(out.mutable_data_ptr());
  if (want_signs) e.signs = static_cast<uint32_t*>(signs.mutable_data_ptr());
  if (size == 0) return {out, signs};

  const size_t image_bytes = (k.scratch_bytes(plan) + 63) / 64 * 64;
  uint8_t* memory = scratch(image_bytes * g.batch);
  const auto* from = static_cast<const uint32_t*>(bits.const_data_ptr());
  const auto* weights = static_cast<const uint8_t*>(packed.const_data_ptr());
  const int64_t image_words = g.height * g.width * g.pixel_words();
  torch::stable::parallel_for(0, g.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++)
      k.expand(plan, from + n * image_words, memory + n * image_bytes, 0, plan.padded_h);
  });
  const int64_t tiles = k.tiles(plan);
  torch::stable::parallel_for(0, g.batch * tiles, kGrain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t n = begin / tiles, stop = (n + 1) * tiles < end ? (n + 1) * tiles : end;
      k.run(plan, weights, memory + n * image_bytes, e, n, begin - n * tiles, stop - n * tiles);
      begin = stop;
    }
  });
  return {out, signs};
}

}  // namespace

STABLE_TORCH_LIBRARY(surge_mmdet, m) {
  m.def("kernel_names() -> str");
  m.def("pack_signs(Tensor x, Tensor? threshold, int groups, str kernel) -> Tensor");
  m.def("pack_weights(Tensor bits, int[] geometry, str kernel) -> (Tensor, Tensor)");
  m.def(
      "binary_conv(Tensor bits, Tensor packed, Tensor outside, int[] geometry, str kernel, "
      "Tensor scale, Tensor bias, Tensor? shortcut, Tensor? shift_in, Tensor? slope, "
      "Tensor? shift_out, float? low, float? high, Tensor? threshold, bool want_out, "
      "bool want_signs) -> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("pack_signs", TORCH_BOX(&pack_signs));
  m.impl("pack_weights", TORCH_BOX(&pack_weights));
  m.impl("binary_conv", TORCH_BOX(&binary_conv));
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CompositeExplicitAutograd, m) {
  m.impl("kernel_names", TORCH_BOX(&kernel_names));
}
