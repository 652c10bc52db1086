// What the operators ask of their tensors.
#pragma once
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/bconv.h"

namespace surge {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;
using Optional = std::optional<Tensor>;

inline void check(const Tensor& t, ScalarType type, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == type && t.is_contiguous() && t.device().is_cpu(),
                  "binary_conv: ", name, " has another type, or is not contiguous on the CPU");
}

inline const float* floats(const Optional& t, int64_t size, const char* name) {
  if (!t) return nullptr;
  check(*t, ScalarType::Float, name);
  STD_TORCH_CHECK(t->numel() == size, "binary_conv: ", name, " has ", t->numel(),
                  " values, not ", size);
  return static_cast<const float*>(t->const_data_ptr());
}

inline const Kernel& kernel_of(const std::string& name) {
  const Kernel* kernel = select_kernel(name.c_str());
  STD_TORCH_CHECK(kernel, "binary_conv: this processor has no kernel ", name);
  return *kernel;
}

inline int64_t numbers(const Tensor& t, int64_t from, int64_t to) {
  int64_t n = 1;
  for (int64_t i = from; i < to; i++) n *= t.size(i);
  return n;
}

}  // namespace surge
