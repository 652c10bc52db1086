// Operators of training: binary layers between real maps that lie plane by plane.
#include "bindings.h"
#include "kernels/planes.h"

namespace {

constexpr int64_t kPiece = 1 << 14;  // values that are worth a thread

const float* values(const Tensor& t, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == ScalarType::Float && t.is_contiguous() && t.device().is_cpu(),
                  name, " is not float32, or not contiguous on the CPU");
  return static_cast<const float*>(t.const_data_ptr());
}

// Memory of the calling thread that stays: a new page costs more than its computation.
template <class T>
T* room(Scratch& scratch, size_t count) {
  return reinterpret_cast<T*>(scratch.at_least(count * sizeof(T)));
}

// Weights as the kernel reads them, from real ones [out][channel][tap].
const uint8_t* pack_weights(const surge::Kernel& k, const surge::Geometry& g, const float* weight,
                            std::vector<float>& outside) {
  thread_local Scratch bits_room, weights_room;
  const int64_t taps = g.kernel_h * g.kernel_w, row = taps * g.words();
  auto* bits = room<uint32_t>(bits_room, g.outputs * row);
  torch::stable::parallel_for(0, g.outputs, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++)
      surge::pack_planes(weight + o * g.in_group() * taps, g.in_group(), taps, g.words(),
                         bits + o * row);
  });
  auto* weights = room<uint8_t>(weights_room, k.weight_bytes(g));
  k.pack_weights(g, bits, weights);
  outside.resize(taps * g.outputs);
  surge::count_taps(g, bits, outside.data());
  return weights;
}

// scale * conv(sign(x), sign(weight)) + bias, all maps plane by plane: x (N, C, H, W), weight
// (O, C / groups, kH, kW). geometry: channels, outputs, groups, kernel, stride, padding, dilation.
Tensor sign_conv(Tensor x, Tensor weight, Tensor scale, Tensor bias,
                 std::vector<int64_t> geometry, std::string kernel) {
  const float* from = values(x, "sign_conv: x");
  const float* filters = values(weight, "sign_conv: weight");
  STD_TORCH_CHECK(x.dim() == 4, "sign_conv: x is (N, C, H, W)");
  const surge::Geometry g = geometry_of(geometry, x.size(0), x.size(2), x.size(3));
  STD_TORCH_CHECK(x.size(1) == g.channels && scale.numel() == g.outputs &&
                      bias.numel() == g.outputs &&
                      weight.numel() == g.outputs * g.in_group() * g.kernel_h * g.kernel_w,
                  "sign_conv: x, weight, scale or bias do not fit the geometry");
  const surge::Kernel& k = kernel_of(kernel);

  std::vector<float> outside;
  const uint8_t* weights = pack_weights(k, g, filters, outside);
  const surge::Plan plan = surge::make_plan(g, outside.data());
  const int64_t pixels = g.height * g.width, out_pixels = g.out_height() * g.out_width();
  thread_local Scratch bits_room, scratch_room, map_room;
  auto* bits = room<uint32_t>(bits_room, pixels * g.pixel_words());
  auto* scratch = room<uint8_t>(scratch_room, k.scratch_bytes(plan));
  surge::Epilogue e;
  e.scale = values(scale, "sign_conv: scale");
  e.bias = values(bias, "sign_conv: bias");
  e.out = room<float>(map_room, out_pixels * g.outputs);
  Tensor out = torch::stable::new_empty(x, {g.batch, g.outputs, g.out_height(), g.out_width()},
                                        ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  prefer_huge_pages(to, out.numel() * sizeof(float));
  // An image at a time: what lies between its steps stays in the cache.
  for (int64_t n = 0; n < g.batch; n++) {
    torch::stable::parallel_for(0, g.groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++)
        surge::pack_planes(from + (n * g.channels + i * g.in_group()) * pixels, g.in_group(),
                           pixels, g.pixel_words(), bits + i * g.words());
    });
    k.expand(plan, bits, scratch, 0, plan.padded_h);
    torch::stable::parallel_for(0, k.tiles(plan), 8, [&](int64_t begin, int64_t end) {
      k.run(plan, weights, scratch, e, 0, begin, end);
    });
    surge::to_planes(e.out, out_pixels, g.outputs, to + n * out_pixels * g.outputs);
  }
  return out;
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

// g_b + scale * g_a, and g_b itself where scale, a scalar, is 0: whatever g_a is.
Tensor add_scaled(Tensor g_b, Tensor g_a, Tensor scale) {
  const float* b = values(g_b, "add_scaled: g_b");
  const float* a = values(g_a, "add_scaled: g_a");
  STD_TORCH_CHECK(g_a.numel() == g_b.numel() && scale.numel() == 1,
                  "add_scaled: gradients of one size and a scalar");
  const float factor = *values(scale, "add_scaled: scale");
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
