// Operators on regions: their features and their suppression.
#include "bindings.h"

namespace {

using surge::Kernel;
using surge::RoiAlign;

RoiAlign roi_align_of(const std::vector<Tensor>& maps, const std::vector<double>& scales,
                      int64_t out_height, int64_t out_width, int64_t sampling, bool aligned) {
  STD_TORCH_CHECK(!maps.empty() && maps.size() == scales.size(),
                  "roi_align: ", maps.size(), " maps, but ", scales.size(), " scales");
  STD_TORCH_CHECK(out_height > 0 && out_width > 0 && sampling >= 0, "roi_align: no such bins");
  RoiAlign a{{}, 0, 0, out_height, out_width, sampling, aligned};
  for (size_t i = 0; i < maps.size(); i++) {
    const Tensor& map = maps[i];
    check(map, ScalarType::Float, "map");
    STD_TORCH_CHECK(map.dim() == 4, "roi_align: maps are (N, H, W, C)");
    if (i == 0) a.batch = map.size(0), a.channels = map.size(3);
    STD_TORCH_CHECK(map.size(0) == a.batch && map.size(3) == a.channels,
                    "roi_align: map ", i, " has another batch size or channels");
    a.levels.push_back({static_cast<const float*>(map.const_data_ptr()), map.size(1), map.size(2),
                        static_cast<float>(scales[i])});
  }
  return a;
}

// Regions (K, 5) of maps (N, H, W, C), one level each (K, ). What comes out is decided by `form`:
// "float": (K, h, w, C); "signs": their bits (K, h, w, words), `threshold` (h * w * C, );
// "int8": (K, h * w * C) and the scales (K, ).
std::tuple<Tensor, Tensor> roi_align(std::vector<Tensor> maps, Tensor rois, Tensor levels,
                                     std::vector<double> scales, int64_t out_height,
                                     int64_t out_width, int64_t sampling, bool aligned,
                                     std::string form, Optional threshold, std::string kernel) {
  const Kernel& k = kernel_of(kernel);
  const RoiAlign a = roi_align_of(maps, scales, out_height, out_width, sampling, aligned);
  const float* regions = regions_of(rois, a.batch, "roi_align: rois");
  check(levels, ScalarType::Long, "levels");
  const int64_t count = rois.size(0), bins = out_height * out_width, size = bins * a.channels;
  STD_TORCH_CHECK(levels.numel() == count, "roi_align: levels are (K, )");
  const auto* level = static_cast<const int64_t*>(levels.const_data_ptr());
  const bool signs = form == "signs", int8 = form == "int8";
  STD_TORCH_CHECK(signs || int8 || form == "float", "roi_align: no form ", form);
  const int64_t words = (a.channels + 31) / 32;
  Tensor out =
      signs  ? torch::stable::new_empty(rois, {count, out_height, out_width, words}, ScalarType::Int)
      : int8 ? torch::stable::new_empty(rois, {count, size}, ScalarType::Byte)
             : torch::stable::new_empty(rois, {count, out_height, out_width, a.channels});
  Tensor steps = torch::stable::new_empty(rois, {int8 ? count : 0});
  const float* t = floats(threshold, size, "threshold");
  auto* to = out.mutable_data_ptr();
  auto* step = static_cast<float*>(steps.mutable_data_ptr());
  torch::stable::parallel_for(0, count, 4, [&](int64_t begin, int64_t end) {
    if (!signs && !int8)
      return k.roi_align(a, regions + 5 * begin, level + begin, end - begin,
                         static_cast<float*>(to) + begin * size);
    std::vector<float> one(size);  // a region stays in the cache until it is packed
    for (int64_t i = begin; i < end; i++) {
      k.roi_align(a, regions + 5 * i, level + i, 1, one.data());
      if (signs)
        k.pack_signs(one.data(), t, 1, size, bins, static_cast<uint32_t*>(to) + i * bins * words);
      else
        k.quantize(one.data(), 1, size, static_cast<uint8_t*>(to) + i * size, step + i);
    }
  });
  return {out, steps};
}

// boxes (K, 4) by falling score; gives 1 for each box that stays, `most` of them at most (0: all)
Tensor nms(Tensor boxes, double threshold, int64_t offset, int64_t most, std::string kernel) {
  check(boxes, ScalarType::Float, "boxes");
  STD_TORCH_CHECK(boxes.dim() == 2 && boxes.size(1) == 4, "nms: boxes are (K, 4)");
  const Kernel& k = kernel_of(kernel);
  const int64_t count = boxes.size(0);
  const auto* from = static_cast<const float*>(boxes.const_data_ptr());
  std::vector<float> parts(5 * count);
  float* part[5];
  for (int p = 0; p < 5; p++) part[p] = parts.data() + p * count;
  const float shift = static_cast<float>(offset);
  for (int64_t i = 0; i < count; i++) {
    for (int p = 0; p < 4; p++) part[p][i] = from[4 * i + p];
    part[4][i] = (part[2][i] - part[0][i] + shift) * (part[3][i] - part[1][i] + shift);
  }
  Tensor keep = torch::stable::new_empty(boxes, {count}, ScalarType::Int);
  auto* flags = static_cast<int32_t*>(keep.mutable_data_ptr());
  for (int64_t i = 0; i < count; i++) flags[i] = 0;
  k.nms({part[0], part[1], part[2], part[3], part[4], count,
         most > 0 ? most : count, shift, static_cast<float>(threshold)}, flags);
  for (int64_t i = 0; i < count; i++) flags[i] = !flags[i];
  return keep;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(surge_mmdet, m) {
  m.def(
      "roi_align(Tensor[] maps, Tensor rois, Tensor levels, float[] scales, int out_height, "
      "int out_width, int sampling, bool aligned, str form, Tensor? threshold, str kernel) -> "
      "(Tensor, Tensor)");
  m.def("nms(Tensor boxes, float threshold, int offset, int most, str kernel) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(surge_mmdet, CPU, m) {
  m.impl("roi_align", TORCH_BOX(&roi_align));
  m.impl("nms", TORCH_BOX(&nms));
}
