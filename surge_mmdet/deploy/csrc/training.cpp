// Operators of training: binary layers between real maps that lie plane by plane.
#include "bindings.h"
#include "kernels/planes.h"

namespace {

using surge::Scratch;

constexpr int64_t kPiece = 1 << 14;  // values that are worth a thread

// Weights as the kernel reads them, from real ones [out][channel][tap].
Scratch pack_weights(const surge::Kernel& k, const surge::Geometry& g, const float* weight,
                     std::vector<float>& outside) {
  const int64_t taps = g.kernel_h * g.kernel_w, row = taps * g.words();
  const Scratch memory(g.outputs * row * sizeof(uint32_t));
  auto* bits = memory.as<uint32_t>();
  torch::stable::parallel_for(0, g.outputs, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++)
      surge::pack_planes(weight + o * g.in_group() * taps, g.in_group(), taps, g.words(),
                         bits + o * row);
  });
  Scratch weights(k.weight_bytes(g));
  k.pack_weights(g, bits, weights.data());
  outside.resize(taps * g.outputs);
  surge::count_taps(g, bits, outside.data());
  return weights;
}

// scale * conv(sign(x), sign(weight)) + bias, all maps plane by plane: x (N, C, H, W), weight
// (O, C / groups, kH, kW). geometry: channels, outputs, groups, kernel, stride, padding, dilation.
Tensor sign_conv(Tensor x, Tensor weight, Tensor scale, Tensor bias,
                 std::vector<int64_t> geometry, std::string kernel) {
  const float* from = floats(x, "sign_conv: x");
  const float* filters = floats(weight, "sign_conv: weight");
  STD_TORCH_CHECK(x.dim() == 4, "sign_conv: x is (N, C, H, W)");
  const surge::Geometry g = geometry_of(geometry, x.size(0), x.size(2), x.size(3));
  STD_TORCH_CHECK(x.size(1) == g.channels && scale.numel() == g.outputs &&
                      bias.numel() == g.outputs &&
                      weight.numel() == g.outputs * g.in_group() * g.kernel_h * g.kernel_w,
                  "sign_conv: x, weight, scale or bias do not fit the geometry");
  const surge::Kernel& k = kernel_of(kernel);

  std::vector<float> outside;
  const Scratch weights = pack_weights(k, g, filters, outside);
  const surge::Plan plan = surge::make_plan(g, outside.data());
  const int64_t pixels = g.height * g.width, out_pixels = g.out_height() * g.out_width();
  const Scratch words(pixels * g.pixel_words() * sizeof(uint32_t)), cells(k.scratch_bytes(plan));
  const Scratch map(out_pixels * g.outputs * sizeof(float));
  auto* bits = words.as<uint32_t>();
  surge::Epilogue e;
  e.scale = floats(scale, "sign_conv: scale");
  e.bias = floats(bias, "sign_conv: bias");
  e.out = map.as<float>();
  Tensor out = torch::stable::new_empty(x, {g.batch, g.outputs, g.out_height(), g.out_width()},
                                        ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  // An image at a time: what lies between its steps stays in the cache.
  for (int64_t n = 0; n < g.batch; n++) {
    torch::stable::parallel_for(0, g.groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++)
        surge::pack_planes(from + (n * g.channels + i * g.in_group()) * pixels, g.in_group(),
                           pixels, g.pixel_words(), bits + i * g.words());
    });
    k.expand(plan, bits, cells.data(), 0, plan.padded_h);
    torch::stable::parallel_for(0, k.tiles(plan), 8, [&](int64_t begin, int64_t end) {
      k.run(plan, weights.data(), cells.data(), e, 0, begin, end);
    });
    surge::to_planes(e.out, out_pixels, g.outputs, to + n * out_pixels * g.outputs);
  }
  return out;
}

// +1 where x >= 0, else -1, times scale: one value per x[i], or none for 1.
Tensor float_signs(Tensor x, std::optional<Tensor> scale) {
  const float* from = floats(x, "float_signs: x");
  const float* factors = scale ? floats(*scale, "float_signs: scale") : nullptr;
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

// g_b + scale * g_a, and g_b itself where scale, a scalar, is 0: whatever g_a is.
Tensor add_scaled(Tensor g_b, Tensor g_a, Tensor scale) {
  const float* b = floats(g_b, "add_scaled: g_b");
  const float* a = floats(g_a, "add_scaled: g_a");
  STD_TORCH_CHECK(g_a.numel() == g_b.numel() && scale.numel() == 1,
                  "add_scaled: gradients of one size and a scalar");
  const float factor = *floats(scale, "add_scaled: scale");
  Tensor out = torch::stable::empty_like(g_b);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  torch::stable::parallel_for(0, out.numel(), kPiece, [&](int64_t begin, int64_t end) {
    surge::add_scaled(b + begin, a + begin, factor, end - begin, to + begin);
  });
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def(
      "sign_conv(Tensor x, Tensor weight, Tensor scale, Tensor bias, int[] geometry, str kernel) "
      "-> Tensor");
  m.def("add_scaled(Tensor g_b, Tensor g_a, Tensor scale) -> Tensor");
  m.def("float_signs(Tensor x, Tensor? scale) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("sign_conv", TORCH_BOX(&sign_conv));
  m.impl("add_scaled", TORCH_BOX(&add_scaled));
  m.impl("float_signs", TORCH_BOX(&float_signs));
}
