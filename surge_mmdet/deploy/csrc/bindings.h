// What the operators share: checks, the epilogue's arguments.
#pragma once
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <cmath>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/bconv.h"
#include "kernels/scratch.h"

using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Optional = std::optional<Tensor>;

namespace {

inline void check(const Tensor& t, ScalarType type, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == type && t.is_contiguous() && t.device().is_cpu(),
                  name, " has another type, or is not contiguous on the CPU");
}

inline const float* floats(const Tensor& t, const char* name) {
  check(t, ScalarType::Float, name);
  return static_cast<const float*>(t.const_data_ptr());
}

inline const float* floats(const Optional& t, int64_t size, const char* name) {
  if (!t) return nullptr;
  STD_TORCH_CHECK(t->numel() == size, name, " has ", t->numel(), " values, not ", size);
  return floats(*t, name);
}

// Regions (K, 5), of whose images there are `batch`.
inline const float* regions_of(const Tensor& rois, int64_t batch, const char* name) {
  const float* regions = floats(rois, name);
  STD_TORCH_CHECK(rois.dim() == 2 && rois.size(1) == 5, name, " are not (K, 5)");
  for (int64_t i = 0; i < rois.size(0); i++)
    STD_TORCH_CHECK(regions[5 * i] >= 0 && regions[5 * i] < static_cast<float>(batch), name,
                    ": region ", i, " is of an image that is not there");
  return regions;
}

inline const surge::Kernel& kernel_of(const std::string& name) {
  const surge::Kernel* kernel = surge::select_kernel(name.c_str());
  STD_TORCH_CHECK(kernel, "binary_conv: this processor has no kernel ", name);
  return *kernel;
}

// channels, outputs, groups, kernel (2), stride (2), padding (2), dilation (2)
inline surge::Geometry geometry_of(const std::vector<int64_t>& v, int64_t batch, int64_t height,
                            int64_t width) {
  STD_TORCH_CHECK(v.size() == 11, "binary_conv: geometry has 11 numbers, got ", v.size());
  surge::Geometry g{batch, height, width, v[0], v[1], v[2], v[3],
                    v[4],  v[5],   v[6],  v[7], v[8], v[9], v[10]};
  const char* problem = g.problem();
  STD_TORCH_CHECK(!problem, "binary_conv: ", problem);
  return g;
}

// The optional parts of an epilogue for maps of `outputs` channels.
struct Parts {
  Optional scale, bias, shortcut, shift_in, slope, shift_out;
  std::optional<double> low, high;
  Optional threshold;

  surge::Epilogue epilogue(int64_t pixels, int64_t outputs) const {
    surge::Epilogue e;
    STD_TORCH_CHECK(scale.has_value() == bias.has_value(), "a scale has a bias, and only a scale");
    e.scale = floats(scale, outputs, "scale");
    e.bias = floats(bias, outputs, "bias");
    if (shortcut) {
      e.shortcut_channels = shortcut->size(shortcut->dim() - 1);
      const char* problem = surge::Epilogue::shortcut_problem(e.shortcut_channels, outputs);
      STD_TORCH_CHECK(!problem, problem, ": ", e.shortcut_channels, ", ", outputs);
      e.shortcut = floats(shortcut, pixels * e.shortcut_channels, "shortcut");
    }
    e.shift_in = floats(shift_in, outputs, "shift_in");
    e.slope = floats(slope, outputs, "slope");
    e.shift_out = floats(shift_out, outputs, "shift_out");
    e.threshold = floats(threshold, outputs, "threshold");
    e.clamp = low.has_value() || high.has_value();
    e.low = static_cast<float>(low.value_or(-HUGE_VAL));
    e.high = static_cast<float>(high.value_or(HUGE_VAL));
    return e;
  }
};

// The real map and its signs, as far as they are wanted, and where the epilogue writes them.
struct Maps {
  Tensor out, signs;

  Maps(const Tensor& like, const std::vector<int64_t>& shape, bool want_out, bool want_signs,
       surge::Epilogue& e)
      : out(torch::stable::new_empty(like, want_out ? shape : std::vector<int64_t>{0},
                                     ScalarType::Float)),
        signs(torch::stable::new_empty(
            like,
            want_signs ? std::vector<int64_t>{shape[0], shape[1], shape[2], (shape[3] + 31) / 32}
                       : std::vector<int64_t>{0},
            ScalarType::Int)) {
    if (want_out) e.out = static_cast<float*>(out.mutable_data_ptr());
    if (want_signs) e.signs = static_cast<uint32_t*>(signs.mutable_data_ptr());
  }
};

}  // namespace
