// Convolutions whose full map is never in memory: band by band, each used while it is in the cache.
#include "jobs.h"

namespace {

constexpr int64_t kBand = 64 * 1024;  // values of a band

// Makes the rows of a map that each band of windows reads, then uses them.
//
// `held` brings the images where `make` and `use` read them, a group at a time.
// make(epilogue, image, first row, last row) writes rows where the epilogue says;
// use(map, its first row, image, begin, end) reads them for the windows' rows [begin, end). Rows
// that two bands read are made once.
template <class Held, class Make, class Use>
void by_bands(Held& held, const surge::Pool& p, int64_t batch, const surge::Epilogue& e, Make make,
              Use use) {
  const int64_t row = p.width * p.channels, most = kBand / (row * p.stride_h);
  const int64_t band = most > 1 ? most : 1, bands = (p.out_height + band - 1) / band;
  const int64_t longest = (band - 1) * p.stride_h + p.kernel_h;
  const auto work = [&](int64_t begin, int64_t end) {
    const surge::Scratch memory(longest * row * sizeof(float));
    auto* map = memory.as<float>();
    surge::Epilogue own = e;
    own.out = map;
    int64_t start = 0, made = 0;  // rows [start, made) of the image are in `map`
    for (int64_t i = begin; i < end; i++) {
      const int64_t n = i / bands, y = i % bands * band;
      const int64_t last = y + band < p.out_height ? y + band : p.out_height;
      const int64_t first_row = p.first_row(y), last_row = p.last_row(last);
      const int64_t kept = i > begin && y > 0 && made > first_row ? made - first_row : 0;
      std::memmove(map, map + (first_row - start) * row * (kept > 0), kept * row * sizeof(float));
      own.out_pixel = (n * p.height + first_row) * p.width;
      if (first_row + kept < last_row) make(own, n, first_row + kept, last_row);
      start = first_row, made = last_row;
      use(map, first_row, n, y, last);
    }
  };
  by_groups(held, batch, [&](int64_t first, int64_t last) {
    torch::stable::parallel_for(first * bands, last * bands, 1, work);
  });
}

// Two convolutions of the same images.
struct Pair {
  Job &a, &b;
  int64_t group;

  void hold(int64_t begin, int64_t end) {
    a.hold(begin, end);
    b.hold(begin, end);
  }
};

std::tuple<Tensor, Tensor> binary_conv_pool(
    Tensor bits, Tensor packed, Tensor outside, std::vector<int64_t> geometry, std::string kernel,
    Optional scale, Optional bias, Optional shortcut, Optional shift_in, Optional slope,
    Optional shift_out, std::optional<double> low, std::optional<double> high,
    std::vector<int64_t> window, Optional pooled_scale, Optional pooled_bias, Optional threshold,
    bool want_out, bool want_signs) {
  Job job = prepare(bits, packed, outside, geometry, kernel);
  const surge::Geometry& g = job.plan.g;
  const surge::Pool p = pool_of(window, g.out_height(), g.out_width(), g.outputs);
  surge::Epilogue inner =
      Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, {}}.epilogue(
          job.pixels(), g.outputs);
  surge::Epilogue outer =
      Parts{pooled_scale, pooled_bias, {}, {}, {}, {}, {}, {}, threshold}.epilogue(0, g.outputs);
  const Maps maps(bits, {g.batch, p.out_height, p.out_width, g.outputs}, want_out, want_signs,
                  outer);
  by_bands(
      job, p, g.batch, inner,
      [&](const surge::Epilogue& e, int64_t n, int64_t first, int64_t last) {
        job.run_rows(e, n, first, last);
      },
      [&](const float* map, int64_t first, int64_t n, int64_t begin, int64_t end) {
        job.k.pool(p, map, first, outer, n, begin, end);
      });
  return {maps.out, maps.signs};
}

// What is behind the pooling holds for the convolution's bias too: it is the same in every window.
std::tuple<Tensor, Tensor> direct_conv_pool(
    Tensor x, Tensor weights, std::vector<int64_t> geometry, std::string kernel,
    std::vector<int64_t> window, Optional scale, Optional bias, Optional shortcut,
    Optional shift_in, Optional slope, Optional shift_out, std::optional<double> low,
    std::optional<double> high, Optional threshold, bool want_out, bool want_signs) {
  DirectJob job = prepare_direct(x, weights, geometry, kernel);
  const surge::Geometry& g = job.g;
  const surge::Pool p = pool_of(window, g.out_height(), g.out_width(), g.outputs);
  surge::Epilogue e = Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, threshold}
                          .epilogue(g.batch * p.out_height * p.out_width, g.outputs);
  const Maps maps(x, {g.batch, p.out_height, p.out_width, g.outputs}, want_out, want_signs, e);
  by_bands(
      job, p, g.batch, {},
      [&](const surge::Epilogue& own, int64_t n, int64_t first, int64_t last) {
        job.run(own, n, first, last);
      },
      [&](const float* map, int64_t first, int64_t n, int64_t begin, int64_t end) {
        job.k.pool(p, map, first, e, n, begin, end);
      });
  return {maps.out, maps.signs};
}

// A convolution and a small product of each of its pixels: (N, H', W', count).
Tensor binary_conv_project(Tensor bits, Tensor packed, Tensor outside,
                           std::vector<int64_t> geometry, std::string kernel, Optional scale,
                           Optional bias, Optional shortcut, Optional shift_in, Optional slope,
                           Optional shift_out, std::optional<double> low,
                           std::optional<double> high, Tensor matrix, Tensor offsets,
                           int64_t count) {
  Job job = prepare(bits, packed, outside, geometry, kernel);
  const surge::Geometry& g = job.plan.g;
  const int64_t lanes = (count + surge::kLanes - 1) / surge::kLanes * surge::kLanes;
  const int64_t height = g.out_height(), width = g.out_width();
  STD_TORCH_CHECK(count > 0, "binary_conv_project: no outputs");
  const float* m = floats(matrix, g.outputs * lanes, "matrix");
  const float* o = floats(offsets, lanes, "offsets");
  surge::Epilogue inner =
      Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, {}}.epilogue(
          job.pixels(), g.outputs);
  Tensor out = torch::stable::new_empty(bits, {g.batch, height, width, count}, ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  const surge::Pool each{height, width, g.outputs, height, width, 1, 1, 1, 1, 0, 0};
  by_bands(
      job, each, g.batch, inner,
      [&](const surge::Epilogue& e, int64_t n, int64_t first, int64_t last) {
        job.run_rows(e, n, first, last);
      },
      [&](const float* map, int64_t, int64_t n, int64_t begin, int64_t end) {
        job.k.project(map, (end - begin) * width, g.outputs, m, o, count,
                      to + (n * height + begin) * width * count);
      });
  return out;
}

// A convolution whose shortcut is another one's map, which is made where it is added.
std::tuple<Tensor, Tensor> binary_conv_onto(
    Tensor bits, Tensor packed, Tensor outside, std::vector<int64_t> geometry,
                        std::string kernel, Optional scale, Optional bias, Optional shift_in,
                        Optional slope, Optional shift_out, std::optional<double> low,
                        std::optional<double> high, Optional threshold, bool want_signs, Tensor below_bits, Tensor below_packed,
                        Tensor below_outside, std::vector<int64_t> below_geometry,
                        Optional below_scale, Optional below_bias, Optional below_shortcut) {
  Job job = prepare(bits, packed, outside, geometry, kernel);
  Job below = prepare(below_bits, below_packed, below_outside, below_geometry, kernel);
  STD_TORCH_CHECK(job.shape() == below.shape(), "binary_conv_onto: maps of two sizes");
  std::optional<surge::Nearest> nearest;
  const surge::Epilogue inner = epilogue_of(
      {below_scale, below_bias, below_shortcut, {}, {}, {}, {}, {}, {}}, below, nearest);
  surge::Epilogue outer =
      Parts{scale, bias, {}, shift_in, slope, shift_out, low, high, threshold}.epilogue(
          0, job.plan.g.outputs);
  const Maps maps(bits, job.shape(), true, want_signs, outer);
  const int64_t height = job.shape()[1], width = job.shape()[2], outputs = job.shape()[3];
  const surge::Pool each{height, width, outputs, height, width, 1, 1, 1, 1, 0, 0};
  Pair both{job, below, job.group < below.group ? job.group : below.group};
  by_bands(
      both, each, job.plan.g.batch, inner,
      [&](const surge::Epilogue& e, int64_t n, int64_t first, int64_t last) {
        below.run_rows(e, n, first, last);
      },
      [&](const float* map, int64_t first, int64_t n, int64_t begin, int64_t end) {
        surge::Epilogue e = outer;
        e.shortcut = map;
        e.shortcut_channels = outputs;
        e.shortcut_pixel = (n * height + first) * width;
        job.run_rows(e, n, begin, end);
      });
  return {maps.out, maps.signs};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def(
      "binary_conv_pool(Tensor bits, Tensor packed, Tensor outside, int[] geometry, str kernel, "
      "Tensor? scale, Tensor? bias, Tensor? shortcut, Tensor? shift_in, Tensor? slope, "
      "Tensor? shift_out, float? low, float? high, int[] window, Tensor? pooled_scale, "
      "Tensor? pooled_bias, Tensor? threshold, bool want_out, bool want_signs) "
      "-> (Tensor, Tensor)");
  m.def(
      "direct_conv_pool(Tensor x, Tensor weights, int[] geometry, str kernel, int[] window, "
      "Tensor? scale, Tensor? bias, Tensor? shortcut, Tensor? shift_in, Tensor? slope, "
      "Tensor? shift_out, float? low, float? high, Tensor? threshold, bool want_out, "
      "bool want_signs) -> (Tensor, Tensor)");
  m.def(
      "binary_conv_project(Tensor bits, Tensor packed, Tensor outside, int[] geometry, "
      "str kernel, Tensor? scale, Tensor? bias, Tensor? shortcut, Tensor? shift_in, "
      "Tensor? slope, Tensor? shift_out, float? low, float? high, Tensor matrix, "
      "Tensor offsets, int count) -> Tensor");
  m.def(
      "binary_conv_onto(Tensor bits, Tensor packed, Tensor outside, int[] geometry, str kernel, "
      "Tensor? scale, Tensor? bias, Tensor? shift_in, Tensor? slope, Tensor? shift_out, "
      "float? low, float? high, Tensor? threshold, bool want_signs, Tensor below_bits, "
      "Tensor below_packed, Tensor below_outside, int[] below_geometry, Tensor? below_scale, "
      "Tensor? below_bias, Tensor? below_shortcut) -> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("binary_conv_pool", TORCH_BOX(&binary_conv_pool));
  m.impl("direct_conv_pool", TORCH_BOX(&direct_conv_pool));
  m.impl("binary_conv_project", TORCH_BOX(&binary_conv_project));
  m.impl("binary_conv_onto", TORCH_BOX(&binary_conv_onto));
}
