// Fully connected layers in int8 as PyTorch operators.
#include "bindings.h"

namespace {

using surge::Kernel;
using surge::kLanes;

// (K, columns) to 8 bits and (K, ) scales.
std::tuple<Tensor, Tensor> quantize_rows(Tensor x, std::string kernel) {
  const Kernel& k = kernel_of(kernel);
  check(x, ScalarType::Float, "x");
  STD_TORCH_CHECK(x.dim() == 2, "quantize_rows: x is (rows, columns)");
  const int64_t rows = x.size(0), columns = x.size(1);
  Tensor q = torch::stable::new_empty(x, {rows, columns}, ScalarType::Byte);
  Tensor scale = torch::stable::new_empty(x, {rows});
  const auto* from = static_cast<const float*>(x.const_data_ptr());
  auto* to = static_cast<uint8_t*>(q.mutable_data_ptr());
  auto* step = static_cast<float*>(scale.mutable_data_ptr());
  torch::stable::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
    k.quantize(from + begin * columns, end - begin, columns, to + begin * columns, step + begin);
  });
  return {q, scale};
}

// The largest weight that keeps the sums of a kernel exact.
int64_t int8_most(std::string kernel) { return kernel_of(kernel).int8_most; }

// Rows (K, columns) and their scales times weights in panels: (K, outputs).
Tensor int8_linear(Tensor x, Tensor x_scale, Tensor weight, Tensor start, Tensor scale,
                   Tensor bias, int64_t outputs, bool relu, std::string kernel) {
  const Kernel& k = kernel_of(kernel);
  check(x, ScalarType::Byte, "x");
  check(weight, ScalarType::Char, "weight");
  check(start, ScalarType::Int, "start");
  STD_TORCH_CHECK(x.dim() == 2 && x.size(1) % 4 == 0 && outputs > 0,
                  "int8_linear: x is (rows, columns), columns a multiple of 4");
  const int64_t rows = x.size(0), columns = x.size(1);
  STD_TORCH_CHECK(columns <= surge::kMostColumns, "int8_linear: sums of more than ",
                  surge::kMostColumns, " columns are not exact in 32 bits");
  const int64_t panels = (outputs + kLanes - 1) / kLanes;
  STD_TORCH_CHECK(weight.numel() == panels * kLanes * columns && start.numel() == panels * kLanes,
                  "int8_linear: weights do not fit the rows");
  const auto* w = static_cast<const int8_t*>(weight.const_data_ptr());
  const auto* s = static_cast<const int32_t*>(start.const_data_ptr());
  STD_TORCH_CHECK(reinterpret_cast<uintptr_t>(w) % 64 == 0 && reinterpret_cast<uintptr_t>(s) % 64 == 0,
                  "int8_linear: weights have to lie on a multiple of 64 bytes");
  const surge::Int8Layer layer{w, s, floats(scale, outputs, "scale"), floats(bias, outputs, "bias"),
                               outputs, columns, relu};
  Tensor out = torch::stable::new_empty(x, {rows, outputs}, ScalarType::Float);
  const auto* from = static_cast<const uint8_t*>(x.const_data_ptr());
  const float* steps = floats(x_scale, rows, "x_scale");
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  torch::stable::parallel_for(0, panels, 4, [&](int64_t begin, int64_t end) {
    k.int8_product(layer, from, steps, rows, to, begin, end);
  });
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def("quantize_rows(Tensor x, str kernel) -> (Tensor, Tensor)");
  m.def("int8_most(str kernel) -> int");
  m.def(
      "int8_linear(Tensor x, Tensor x_scale, Tensor weight, Tensor start, Tensor scale, "
      "Tensor bias, int outputs, bool relu, str kernel) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("quantize_rows", TORCH_BOX(&quantize_rows));
  m.impl("int8_linear", TORCH_BOX(&int8_linear));
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CompositeExplicitAutograd, m) {
  m.impl("int8_most", TORCH_BOX(&int8_most));
}
