// Convolutions whose input is brought where the kernels read it, as many images as stay in memory.
#pragma once
#include <cstring>

#include "bindings.h"

namespace {

// Images of which each takes `bytes`, that lie in memory at a time: what a thread keeps, one at least.
inline int64_t at_a_time(size_t bytes, int64_t batch) {
  const int64_t fit = static_cast<int64_t>(surge::Scratch::kMost / (bytes ? bytes : 1));
  return fit < 1 ? (batch < 1 ? batch : 1) : (batch < fit ? batch : fit);
}

struct Job {
  surge::Plan plan;
  const surge::Kernel& k;
  const uint8_t* weights;
  const uint32_t* bits;
  size_t image_bytes;
  int64_t group;          // images that are held at a time
  surge::Scratch memory;  // of them
  int64_t first = 0;      // the first of them

  std::vector<int64_t> shape() const {
    return {plan.g.batch, plan.g.out_height(), plan.g.out_width(), plan.g.outputs};
  }
  int64_t pixels() const { return plan.g.batch * plan.g.out_height() * plan.g.out_width(); }
  void run_rows(const surge::Epilogue& e, int64_t image, int64_t begin, int64_t end) const {
    k.run_rows(plan, weights, cells(image), e, image, begin, end);
  }
  const uint8_t* cells(int64_t image) const {
    return memory.data() + (image - first) * image_bytes;
  }
  // Brings the images [begin, end), `group` at most, where the kernel reads them.
  void hold(int64_t begin, int64_t end) {
    first = begin;
    const int64_t words = plan.g.height * plan.g.width * plan.g.pixel_words();
    torch::stable::parallel_for(begin, end, 1, [&](int64_t from, int64_t to) {
      for (int64_t n = from; n < to; n++)
        k.expand(plan, bits + n * words, memory.data() + (n - first) * image_bytes, 0,
                 plan.padded_h);
    });
  }
};

// use(begin, end) for one group of held images after another.
template <class Held, class Use>
void by_groups(Held& job, int64_t batch, Use use) {
  for (int64_t begin = 0; begin < batch; begin += job.group) {
    const int64_t end = begin + job.group < batch ? begin + job.group : batch;
    job.hold(begin, end);
    use(begin, end);
  }
}

inline Job prepare(const Tensor& bits, const Tensor& packed, const Tensor& outside,
            const std::vector<int64_t>& geometry, const std::string& kernel) {
  check(bits, ScalarType::Int, "bits");
  check(packed, ScalarType::Byte, "packed");
  STD_TORCH_CHECK(bits.dim() == 4, "binary_conv: bits are (N, H, W, words)");
  const surge::Geometry g = geometry_of(geometry, bits.size(0), bits.size(1), bits.size(2));
  const surge::Kernel& k = kernel_of(kernel);
  STD_TORCH_CHECK(bits.size(3) == g.pixel_words(), "binary_conv: bits have ", bits.size(3),
                  " words per pixel, not ", g.pixel_words());
  STD_TORCH_CHECK(packed.numel() == static_cast<int64_t>(k.weight_bytes(g)),
                  "binary_conv: weights were packed for another kernel or geometry");
  STD_TORCH_CHECK(reinterpret_cast<uintptr_t>(packed.const_data_ptr()) % 64 == 0,
                  "binary_conv: packed weights have to lie on a multiple of 64 bytes");
  const int64_t taps = g.kernel_h * g.kernel_w;
  surge::Plan plan = surge::make_plan(g, floats(outside, taps * g.outputs, "outside"));
  const size_t image_bytes = (k.scratch_bytes(plan) + 63) / 64 * 64;
  const int64_t group = at_a_time(image_bytes, g.batch);
  return {std::move(plan), k, static_cast<const uint8_t*>(packed.const_data_ptr()),
          static_cast<const uint32_t*>(bits.const_data_ptr()), image_bytes, group,
          surge::Scratch(image_bytes * group)};
}

// Empty for a shortcut of the output's own size.
inline std::optional<surge::Nearest> nearest_of(const Optional& shortcut,
                                         const std::vector<int64_t>& shape) {
  if (!shortcut) return {};
  STD_TORCH_CHECK(shortcut->dim() == 4, "binary_conv: a shortcut is (N, H, W, C)");
  const int64_t height = shortcut->size(1), width = shortcut->size(2);
  if (height == shape[1] && width == shape[2]) return {};
  STD_TORCH_CHECK(height > 0 && width > 0, "binary_conv: the shortcut has no pixels");
  return surge::Nearest(height, width, shape[1], shape[2]);
}

// `nearest` has to outlive the epilogue.
inline surge::Epilogue epilogue_of(const Parts& parts, const Job& job,
                                   std::optional<surge::Nearest>& nearest) {
  const surge::Geometry& g = job.plan.g;
  nearest = nearest_of(parts.shortcut, job.shape());
  const int64_t pixels = nearest ? g.batch * nearest->height * nearest->width : job.pixels();
  surge::Epilogue e = parts.epilogue(pixels, g.outputs);
  e.nearest = nearest ? &*nearest : nullptr;
  return e;
}

// kernel (2), stride (2), padding (2), output (2)
inline surge::Pool pool_of(const std::vector<int64_t>& v, int64_t height, int64_t width,
                    int64_t channels) {
  STD_TORCH_CHECK(v.size() == 8, "pool: a window has 8 numbers, got ", v.size());
  const surge::Pool p{height, width, channels, v[6], v[7], v[0], v[1], v[2], v[3], v[4], v[5]};
  const char* problem = p.problem();
  STD_TORCH_CHECK(!problem, "pool: ", problem);
  return p;
}

// One image with its border of zeros; `x` is (N, H, W, C) of any strides.
inline void pad_image(const Tensor& x, const surge::Geometry& g, int64_t n, float* to) {
  const int64_t border = g.pad_w * g.channels, row = g.width * g.channels + 2 * border;
  const float* image = static_cast<const float*>(x.const_data_ptr()) + n * x.stride(0);
  const int64_t x_step = x.stride(2), c_step = x.stride(3);
  for (int64_t y = -g.pad_h; y < g.height + g.pad_h; y++, to += row) {
    std::memset(to, 0, row * sizeof(float));
    if (y < 0 || y >= g.height) continue;
    const float* from = image + y * x.stride(1);
    for (int64_t c = 0; c < g.channels; c++)
      for (int64_t i = 0; i < g.width; i++)
        to[border + i * g.channels + c] = from[i * x_step + c * c_step];
  }
}

struct DirectJob {
  surge::Geometry g;
  const surge::Kernel& k;
  const Tensor& x;
  const float* weights;
  int64_t image_size;
  int64_t group;          // images that are held at a time
  surge::Scratch padded;  // of them
  int64_t first = 0;      // the first of them

  void run(const surge::Epilogue& e, int64_t image, int64_t begin, int64_t end) const {
    k.direct(g, padded.as<float>() + (image - first) * image_size, weights, e, image, begin, end);
  }
  void hold(int64_t begin, int64_t end) {
    first = begin;
    torch::stable::parallel_for(begin, end, 1, [&](int64_t from, int64_t to) {
      for (int64_t n = from; n < to; n++)
        pad_image(x, g, n, padded.as<float>() + (n - first) * image_size);
    });
  }
};

inline DirectJob prepare_direct(const Tensor& x, const Tensor& weights,
                                const std::vector<int64_t>& geometry, const std::string& kernel) {
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == ScalarType::Float && x.device().is_cpu(),
                  "direct_conv: x is (N, H, W, C), float32, on the CPU");
  const surge::Geometry g = geometry_of(geometry, x.size(0), x.size(1), x.size(2));
  STD_TORCH_CHECK(g.groups == 1 && g.dilation_h == 1 && g.dilation_w == 1 &&
                      g.channels == x.size(3),
                  "direct_conv: one group of x's channels, dilation 1");
  const int64_t panels = (g.outputs + surge::kPanel - 1) / surge::kPanel;
  const float* w = floats(weights, panels * g.kernel_h * g.kernel_w * g.channels * surge::kPanel,
                          "weights");
  const int64_t size = (g.height + 2 * g.pad_h) * (g.width + 2 * g.pad_w) * g.channels;
  const int64_t group = at_a_time(size * sizeof(float), g.batch);
  return {g, kernel_of(kernel), x, w, size, group, surge::Scratch(group * size * sizeof(float))};
}

}  // namespace
