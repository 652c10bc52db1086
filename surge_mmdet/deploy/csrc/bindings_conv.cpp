// Binary convolution and pooling as PyTorch operators.
#include "jobs.h"

#include <cstring>

namespace {

constexpr int64_t kGrain = 8;        // tiles that are worth a thread

std::tuple<Tensor, Tensor> binary_conv(
    Tensor bits, Tensor packed, Tensor outside, std::vector<int64_t> geometry, std::string kernel,
    Optional scale, Optional bias, Optional shortcut, Optional shift_in, Optional slope,
    Optional shift_out, std::optional<double> low, std::optional<double> high, Optional threshold,
    bool want_out, bool want_signs) {
  Job job = prepare(bits, packed, outside, geometry, kernel);
  const surge::Geometry& g = job.plan.g;
  STD_TORCH_CHECK(!want_signs || g.groups == 1,
                  "binary_conv: signs of a grouped convolution are packed apart");
  std::optional<surge::Nearest> nearest;
  surge::Epilogue e =
      epilogue_of({scale, bias, shortcut, shift_in, slope, shift_out, low, high, threshold}, job,
                  nearest);
  const Maps maps(bits, job.shape(), want_out, want_signs, e);
  const int64_t tiles = job.k.tiles(job.plan);
  by_groups(job, g.batch, [&](int64_t first, int64_t last) {
    torch::stable::parallel_for(first * tiles, last * tiles, kGrain, [&](int64_t begin, int64_t end) {
      while (begin < end) {
        const int64_t n = begin / tiles, stop = (n + 1) * tiles < end ? (n + 1) * tiles : end;
        job.k.run(job.plan, job.weights, job.cells(n), e, n, begin - n * tiles, stop - n * tiles);
        begin = stop;
      }
    });
  });
  return {maps.out, maps.signs};
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

std::tuple<Tensor, Tensor> direct_conv(
    Tensor x, Tensor weights, std::vector<int64_t> geometry, std::string kernel, Optional scale,
    Optional bias, Optional shortcut, Optional shift_in, Optional slope, Optional shift_out,
    std::optional<double> low, std::optional<double> high, Optional threshold, bool want_out,
    bool want_signs) {
  DirectJob job = prepare_direct(x, weights, geometry, kernel);
  const surge::Geometry& g = job.g;
  const int64_t rows = g.out_height();
  surge::Epilogue e = Parts{scale, bias, shortcut, shift_in, slope, shift_out, low, high, threshold}
                          .epilogue(g.batch * rows * g.out_width(), g.outputs);
  const Maps maps(x, {g.batch, rows, g.out_width(), g.outputs}, want_out, want_signs, e);
  by_groups(job, g.batch, [&](int64_t first, int64_t last) {
    torch::stable::parallel_for(first * rows, last * rows, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; r++)
        job.run(e, r / rows, r % rows, r % rows + 1);
    });
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
      "direct_conv(Tensor x, Tensor weights, int[] geometry, str kernel, Tensor? scale, "
      "Tensor? bias, Tensor? shortcut, Tensor? shift_in, Tensor? slope, Tensor? shift_out, "
      "float? low, float? high, Tensor? threshold, bool want_out, bool want_signs) "
      "-> (Tensor, Tensor)");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("binary_conv", TORCH_BOX(&binary_conv));
  m.impl("direct_conv", TORCH_BOX(&direct_conv));
  m.impl("pool", TORCH_BOX(&pool));
}
