// Binary convolution and pooling as PyTorch operators.
#include "bindings.h"

namespace {

constexpr int64_t kGrain = 8;        // tiles that are worth a thread
constexpr int64_t kBand = 64 * 1024;  // values of a map that are pooled while they are in a cache

// A convolution whose input lies where the kernel reads it.
struct Job {
  surge::Plan plan;
  const surge::Kernel& k;
  const uint8_t *weights, *memory;
  size_t image_bytes;

  std::vector<int64_t> shape() const {
    return {plan.g.batch, plan.g.out_height(), plan.g.out_width(), plan.g.outputs};
  }
  int64_t pixels() const { return plan.g.batch * plan.g.out_height() * plan.g.out_width(); }
};

Job prepare(const Tensor& bits, const Tensor& packed, const Tensor& outside,
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
  Job job{surge::make_plan(g, floats(outside, taps * g.outputs, "outside")), k,
          static_cast<const uint8_t*>(packed.const_data_ptr()), nullptr, 0};
  job.image_bytes = (k.scratch_bytes(job.plan) + 63) / 64 * 64;
  thread_local Scratch scratch;
  uint8_t* memory = scratch.at_least(job.image_bytes * g.batch);
  job.memory = memory;
  const auto* from = static_cast<const uint32_t*>(bits.const_data_ptr());
  const int64_t image_words = g.height * g.width * g.pixel_words();
  torch::stable::parallel_for(0, g.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++)
      k.expand(job.plan, from + n * image_words, memory + n * job.image_bytes, 0,
               job.plan.padded_h);
  });
  return job;
}

std::tuple<Tensor, Tensor> binary_conv(
    Tensor bits, Tensor packed, Tensor outside, std::vector<int64_t> geometry, std::string kernel,
    Optional scale, Optional bias, Optional shortcut, Optional shift_in, Optional slope,
    Optional shift_out, std::optional<double> low, std::optional<double> high, Optional threshold,
    bool want_out, bool want_signs) {
  const Job job = prepare(bits, packed, outside, geometry, kernel);
  const surge::Geometry& g = job.plan.g;
  STD_TORCH_CHECK(!want_signs || g.groups == 1,
                  "binary_conv: signs of a grouped convolution are packed apart");
  surge::Epilogue e = Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, threshold}
                          .epilogue(job.pixels(), g.outputs);
  const Maps maps(bits, job.shape(), want_out, want_signs, e);
  const int64_t tiles = job.k.tiles(job.plan);
  torch::stable::parallel_for(0, g.batch * tiles, kGrain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t n = begin / tiles, stop = (n + 1) * tiles < end ? (n + 1) * tiles : end;
      job.k.run(job.plan, job.weights, job.memory + n * job.image_bytes, e, n, begin - n * tiles,
                stop - n * tiles);
      begin = stop;
    }
  });
  return {maps.out, maps.signs};
}

// kernel (2), stride (2), padding (2), output (2)
surge::Pool pool_of(const std::vector<int64_t>& v, int64_t height, int64_t width,
                    int64_t channels) {
  STD_TORCH_CHECK(v.size() == 8, "pool: a window has 8 numbers, got ", v.size());
  const surge::Pool p{height, width, channels, v[6], v[7], v[0], v[1], v[2], v[3], v[4], v[5]};
  const char* problem = p.problem();
  STD_TORCH_CHECK(!problem, "pool: ", problem);
  return p;
}

std::tuple<Tensor, Tensor> pool(Tensor map, std::vector<int64_t> window, std::string kernel,
                                Optional scale, Optional bias, Optional shortcut,
                                Optional shift_in, Optional slope, Optional shift_out,
                                std::optional<double> low, std::optional<double> high,
                                Optional threshold, bool want_out, bool want_signs) {
  check(map, ScalarType::Float, "map");
  STD_TORCH_CHECK(map.dim() == 4, "pool: a map is (N, H, W, C)");
  const surge::Kernel& k = kernel_of(kernel);
  const surge::Pool p = pool_of(window, map.size(1), map.size(2), map.size(3));
  const int64_t rows = map.size(0) * p.out_height;
  surge::Epilogue e = Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, threshold}
                          .epilogue(rows * p.out_width, p.channels);
  const Maps maps(map, {map.size(0), p.out_height, p.out_width, p.channels}, want_out, want_signs,
                  e);
  const auto* from = static_cast<const float*>(map.const_data_ptr());
  const int64_t size = p.height * p.width * p.channels;
  torch::stable::parallel_for(0, rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t n = r / p.out_height, y = r % p.out_height;
      k.pool(p, from + n * size, 0, e, n, y, y + 1);
    }
  });
  return {maps.out, maps.signs};
}

// The convolution band by band, each pooled while it is in the cache.
std::tuple<Tensor, Tensor> binary_conv_pool(
    Tensor bits, Tensor packed, Tensor outside, std::vector<int64_t> geometry, std::string kernel,
    Optional scale, Optional bias, Optional shortcut, Optional shift_in, Optional slope,
    Optional shift_out, std::optional<double> low, std::optional<double> high,
    std::vector<int64_t> window, Optional pooled_scale, Optional pooled_bias, Optional threshold,
    bool want_out, bool want_signs) {
  const Job job = prepare(bits, packed, outside, geometry, kernel);
  const surge::Geometry& g = job.plan.g;
  const surge::Pool p = pool_of(window, g.out_height(), g.out_width(), g.outputs);
  surge::Epilogue inner =
      Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, {}}.epilogue(
          job.pixels(), g.outputs);
  surge::Epilogue outer =
      Parts{pooled_scale, pooled_bias, {}, {}, {}, {}, {}, {}, threshold}.epilogue(0, g.outputs);
  const Maps maps(bits, {g.batch, p.out_height, p.out_width, g.outputs}, want_out, want_signs,
                  outer);
  const int64_t row = p.width * p.channels, most = kBand / (row * p.stride_h);
  const int64_t band = most > 1 ? most : 1, bands = (p.out_height + band - 1) / band;
  const int64_t longest = (band - 1) * p.stride_h + p.kernel_h;
  torch::stable::parallel_for(0, g.batch * bands, 1, [&](int64_t begin, int64_t end) {
    thread_local Scratch scratch;
    auto* map = reinterpret_cast<float*>(scratch.at_least(longest * row * sizeof(float)));
    surge::Epilogue own = inner;
    own.out = map;
    for (int64_t i = begin; i < end; i++) {
      const int64_t n = i / bands, y = i % bands * band;
      const int64_t last = y + band < p.out_height ? y + band : p.out_height;
      const int64_t first_row = p.first_row(y);
      own.out_pixel = (n * p.height + first_row) * p.width;
      job.k.run_rows(job.plan, job.weights, job.memory + n * job.image_bytes, own, n, first_row,
                     p.last_row(last));
      job.k.pool(p, map, first_row, outer, n, y, last);
    }
  });
  return {maps.out, maps.signs};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def(
      "binary_conv(Tensor bits, Tensor packed, Tensor outside, int[] geometry, str kernel, "
      "Tensor? scale, Tensor? bias, Tensor? shortcut, Tensor? shift_in, Tensor? slope, "
      "Tensor? shift_out, float? low, float? high, Tensor? threshold, bool want_out, "
      "bool want_signs) -> (Tensor, Tensor)");
  m.def(
      "pool(Tensor map, int[] window, str kernel, Tensor? scale, Tensor? bias, Tensor? shortcut, "
      "Tensor? shift_in, Tensor? slope, Tensor? shift_out, float? low, float? high, "
      "Tensor? threshold, bool want_out, bool want_signs) -> (Tensor, Tensor)");
  m.def(
      "binary_conv_pool(Tensor bits, Tensor packed, Tensor outside, int[] geometry, str kernel, "
      "Tensor? scale, Tensor? bias, Tensor? shortcut, Tensor? shift_in, Tensor? slope, "
      "Tensor? shift_out, float? low, float? high, int[] window, Tensor? pooled_scale, "
      "Tensor? pooled_bias, Tensor? threshold, bool want_out, bool want_signs) "
      "-> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("binary_conv", TORCH_BOX(&binary_conv));
  m.impl("pool", TORCH_BOX(&pool));
  m.impl("binary_conv_pool", TORCH_BOX(&binary_conv_pool));
}
