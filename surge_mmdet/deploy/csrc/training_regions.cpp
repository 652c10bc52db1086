// Operators of training: RoIAlign on NCHW maps, and its gradient.
#include <algorithm>

#include "bindings.h"
#include "kernels/planes.h"
#include "kernels/region_planes.h"

namespace {

const float* values(const Tensor& t, int64_t dim, const char* name) {
  STD_TORCH_CHECK(t.scalar_type() == ScalarType::Float && t.is_contiguous() &&
                      t.device().is_cpu() && t.dim() == dim,
                  name, " is not float32, contiguous, on the CPU, of ", dim, " axes");
  return static_cast<const float*>(t.const_data_ptr());
}

// The image of each region.
std::vector<int64_t> images(const float* rois, int64_t count, int64_t batch) {
  std::vector<int64_t> found(count);
  for (int64_t i = 0; i < count; i++) {
    STD_TORCH_CHECK(rois[5 * i] >= 0 && rois[5 * i] < static_cast<float>(batch),
                    "region ", i, " is of an image that is not there");
    found[i] = static_cast<int64_t>(rois[5 * i]);
  }
  return found;
}

// (N, C, H, W) and (K, 5) to (K, C, h, w)
Tensor average_regions(Tensor x, Tensor rois, double scale, int64_t out_height, int64_t out_width,
                       int64_t sampling, bool aligned) {
  const float* from = values(x, 4, "average_regions: x");
  const float* regions = values(rois, 2, "average_regions: rois");
  STD_TORCH_CHECK(rois.size(1) == 5 && out_height > 0 && out_width > 0 && sampling >= 0,
                  "average_regions: rois are (K, 5), and there are bins");
  const surge::Regions r{x.size(1),  x.size(2), x.size(3), out_height,
                         out_width, sampling,  static_cast<float>(scale), aligned};
  const int64_t batch = x.size(0), count = rois.size(0), pixels = r.height * r.width;
  const std::vector<int64_t> of = images(regions, count, batch);
  Tensor out = torch::stable::new_empty(x, {count, r.channels, out_height, out_width},
                                        ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  std::vector<float> map(pixels * r.channels);
  for (int64_t n = 0; n < batch; n++) {
    surge::to_planes(from + n * pixels * r.channels, r.channels, pixels, map.data());
    torch::stable::parallel_for(0, count, 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++)
        if (of[i] == n)
          surge::average_region(r, map.data(), regions + 5 * i, to + i * r.channels * r.bins());
    });
  }
  return out;
}

// The gradient to x of `shape` from that of average_regions, (K, C, h, w).
Tensor spread_regions(Tensor grad, Tensor rois, std::vector<int64_t> shape, double scale,
                      int64_t sampling, bool aligned) {
  const float* from = values(grad, 4, "spread_regions: grad");
  const float* regions = values(rois, 2, "spread_regions: rois");
  STD_TORCH_CHECK(shape.size() == 4 && grad.size(1) == shape[1] && rois.size(1) == 5 &&
                      rois.size(0) == grad.size(0) && sampling >= 0,
                  "spread_regions: grad (K, C, h, w), rois (K, 5) and shape do not fit");
  const surge::Regions r{shape[1],     shape[2], shape[3], grad.size(2),
                         grad.size(3), sampling, static_cast<float>(scale), aligned};
  const int64_t count = rois.size(0), pixels = r.height * r.width;
  const std::vector<int64_t> of = images(regions, count, shape[0]);
  Tensor out = torch::stable::new_empty(grad, shape, ScalarType::Float);
  auto* to = static_cast<float*>(out.mutable_data_ptr());
  // An image belongs to one thread: sums have one order.
  torch::stable::parallel_for(0, shape[0], 1, [&](int64_t begin, int64_t end) {
    std::vector<float> map(pixels * r.channels);
    for (int64_t n = begin; n < end; n++) {
      std::fill(map.begin(), map.end(), 0.0f);
      for (int64_t i = 0; i < count; i++)
        if (of[i] == n)
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
