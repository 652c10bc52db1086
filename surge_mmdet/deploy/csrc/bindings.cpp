// The kernels as PyTorch operators, on the stable ABI: one build for every PyTorch from 2.10 on.
#include "bindings.h"

namespace {

// The filter alone, whatever the input will be.
surge::Geometry filter_of(const std::vector<int64_t>& v) {
  STD_TORCH_CHECK(v.size() == 11, "binary_conv: geometry has 11 numbers, got ", v.size());
  return geometry_of(v, 1, v[9] * v[3], v[10] * v[4]);
}

int64_t numbers(const Tensor& t, int64_t from, int64_t to) {
  int64_t n = 1;
  for (int64_t i = from; i < to; i++) n *= t.size(i);
  return n;
}

std::string kernel_names() {
  std::string names;
  for (const surge::Kernel* kernel : surge::kernels())
    if (kernel->supported()) names += (names.empty() ? "" : ",") + std::string(kernel->name);
  return names;
}

Tensor pack_signs(Tensor x, Optional threshold, int64_t groups, std::string kernel) {
  const surge::Kernel& k = kernel_of(kernel);
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
  const surge::Geometry g = filter_of(geometry);
  const surge::Kernel& k = kernel_of(kernel);
  const int64_t taps = g.kernel_h * g.kernel_w;
  STD_TORCH_CHECK(bits.numel() == g.outputs * taps * g.words(),
                  "pack_weights: bits do not fit the geometry");
  Tensor packed = torch::stable::new_empty(
      bits, {static_cast<int64_t>(k.weight_bytes(g))}, ScalarType::Byte);
  Tensor outside = torch::stable::new_empty(bits, {taps, g.outputs}, ScalarType::Float);
  const auto* from = static_cast<const uint32_t*>(bits.const_data_ptr());
  k.pack_weights(g, from, static_cast<uint8_t*>(packed.mutable_data_ptr()));
  surge::count_taps(g, from, static_cast<float*>(outside.mutable_data_ptr()));
  return {packed, outside};
}

}  // namespace

STABLE_TORCH_LIBRARY(surge_mmdet, m) {
  m.def("kernel_names() -> str");
  m.def("pack_signs(Tensor x, Tensor? threshold, int groups, str kernel) -> Tensor");
  m.def("pack_weights(Tensor bits, int[] geometry, str kernel) -> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("pack_signs", TORCH_BOX(&pack_signs));
  m.impl("pack_weights", TORCH_BOX(&pack_weights));
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CompositeExplicitAutograd, m) {
  m.impl("kernel_names", TORCH_BOX(&kernel_names));
}
