// Operators of training: signs of real maps and weights, plane by plane, and back.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <optional>

#include "kernels/planes.h"

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

namespace {

constexpr int64_t kPiece = 1 << 14;  // values that are worth a thread

const float* values(const Tensor& t, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == ScalarType::Float && t.is_contiguous() && t.device().is_cpu(),
                  name, " is not float32, or not contiguous on the CPU");
  return static_cast<const float*>(t.const_data_ptr());
}

// x (N, channels, pixels) to its signs, int32 (N, pixels, groups * words); each group of channels
// starts a new word.
Tensor pack_planes(Tensor x, int64_t groups) {
  const float* from = values(x, "pack_planes: x");
  STD_TORCH_CHECK(x.dim() == 3 && groups > 0 && x.size(1) > 0 && x.size(1) % groups == 0,
                  "pack_planes: x is (N, channels, pixels), and groups divide the channels");
  const int64_t batch = x.size(0), channels = x.size(1) / groups, pixels = x.size(2);
  const int64_t words = (channels + 31) / 32, row = groups * words;
  Tensor bits = torch::stable::new_empty(x, {batch, pixels, row}, ScalarType::Int);
  auto* to = static_cast<uint32_t*>(bits.mutable_data_ptr());
  const int64_t grain = 1 + kPiece / (channels * pixels + 1);
  torch::stable::parallel_for(0, batch * groups, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
      surge::pack_planes(from + i * channels * pixels, channels, pixels, row,
                         to + i / groups * pixels * row + i % groups * words);
  });
  return bits;
}

// +1 where x >= 0, else -1, times scale: one value per x[i], or none for 1.
Tensor float_signs(Tensor x, std::optional<Tensor> scale) {
  const float* from = values(x, "float_signs: x");
  const float* factors = scale ? values(*scale, "float_signs: scale") : nullptr;
  const int64_t rows = scale ? scale->numel() : 1;
  STD_TORCH_CHECK(rows > 0 && x.numel() % rows == 0 && (!scale || x.size(0) == rows),
                  "float_signs: scale has one value per row of x");
  Tensor out = torch::stable::empty_like(x);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  const int64_t row = x.numel() / rows;
  torch::stable::parallel_for(0, x.numel(), kPiece, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t stop = (begin / row + 1) * row < end ? (begin / row + 1) * row : end;
      surge::float_signs(from + begin, factors ? factors[begin / row] : 1.0f, stop - begin,
                         to + begin);
      begin = stop;
    }
  });
  return out;
}

// (N, pixels, channels) to (N, channels, pixels)
Tensor to_planes(Tensor x) {
  const float* from = values(x, "to_planes: x");
  STD_TORCH_CHECK(x.dim() == 3, "to_planes: x is (N, pixels, channels)");
  const int64_t batch = x.size(0), pixels = x.size(1), channels = x.size(2);
  Tensor out = torch::stable::new_empty(x, {batch, channels, pixels}, ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  torch::stable::parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++)
      surge::to_planes(from + n * pixels * channels, pixels, channels, to + n * pixels * channels);
  });
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def("pack_planes(Tensor x, int groups) -> Tensor");
  m.def("float_signs(Tensor x, Tensor? scale) -> Tensor");
  m.def("to_planes(Tensor x) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("pack_planes", TORCH_BOX(&pack_planes));
  m.impl("float_signs", TORCH_BOX(&float_signs));
  m.impl("to_planes", TORCH_BOX(&to_planes));
}
