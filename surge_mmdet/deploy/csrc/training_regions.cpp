// Operators of training: RoIAlign on NCHW maps, and its gradient.
#include <algorithm>

#include "bindings.h"
#include "kernels/planes.h"
#include "kernels/region_planes.h"

namespace {

int64_t image_of(const float* regions, int64_t i) { return static_cast<int64_t>(regions[5 * i]); }

// (N, C, H, W) and (K, 5) to (K, C, h, w)
Tensor average_regions(Tensor x, Tensor rois, double scale, int64_t out_height, int64_t out_width,
                       int64_t sampling, bool aligned) {
  const float* from = floats(x, "average_regions: x");
  STD_TORCH_CHECK(x.dim() == 4 && out_height > 0 && out_width > 0 && sampling >= 0,
                  "average_regions: x is (N, C, H, W), and there are bins");
  const float* regions = regions_of(rois, x.size(0), "average_regions: rois");
  const surge::Regions r{x.size(1),  x.size(2), x.size(3), out_height,
                         out_width, sampling,  static_cast<float>(scale), aligned};
  const int64_t batch = x.size(0), count = rois.size(0), pixels = r.height * r.width;
  Tensor out = torch::stable::new_empty(x, {count, r.channels, out_height, out_width},
                                        ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  std::vector<float> map(pixels * r.channels);
  for (int64_t n = 0; n < batch; n++) {
    surge::to_planes(from + n * pixels * r.channels, r.channels, pixels, map.data());
    torch::stable::parallel_for(0, count, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++)
        if (image_of(regions, i) == n)
          surge::average_region(r, map.data(), regions + 5 * i, to + i * r.channels * r.bins());
    });
  }
  return out;
}

// The gradient to x of `shape` from that of average_regions, (K, C, h, w).
Tensor spread_regions(Tensor grad, Tensor rois, std::vector<int64_t> shape, double scale,
                      int64_t sampling, bool aligned) {
  const float* from = floats(grad, "spread_regions: grad");
  STD_TORCH_CHECK(shape.size() == 4 && grad.dim() == 4 && grad.size(1) == shape[1] &&
                      rois.size(0) == grad.size(0) && sampling >= 0,
                  "spread_regions: grad (K, C, h, w), rois (K, 5) and shape do not fit");
  const float* regions = regions_of(rois, shape[0], "spread_regions: rois");
  const surge::Regions r{shape[1],     shape[2], shape[3], grad.size(2),
                         grad.size(3), sampling, static_cast<float>(scale), aligned};
  const int64_t count = rois.size(0), pixels = r.height * r.width;
  Tensor out = torch::stable::new_empty(grad, shape, ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  // An image belongs to one thread: sums have one order.
  torch::stable::parallel_for(0, shape[0], 1, [&](int64_t begin, int64_t end) {
    std::vector<float> map(pixels * r.channels);
    for (int64_t n = begin; n < end; n++) {
      std::fill(map.begin(), map.end(), 0.0f);
      for (int64_t i = 0; i < count; i++)
        if (image_of(regions, i) == n)
          surge::spread_region(r, from + i * r.channels * r.bins(), regions + 5 * i, map.data());
      surge::to_planes(map.data(), pixels, r.channels, to + n * pixels * r.channels);
    }
  });
  return out;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def(
      "average_regions(Tensor x, Tensor rois, float scale, int out_height, int out_width, "
      "int sampling, bool aligned) -> Tensor");
  m.def(
      "spread_regions(Tensor grad, Tensor rois, int[] shape, float scale, int sampling, "
      "bool aligned) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("average_regions", TORCH_BOX(&average_regions));
  m.impl("spread_regions", TORCH_BOX(&spread_regions));
}
