// RoIAlign and its gradient on NCHW maps, as training has them. C++17, no torch.
#pragma once
#include <cstdint>

namespace surge {

struct Regions {
  int64_t channels, height, width, out_height, out_width, sampling;  // sampling as in RoiAlign
  float scale;
  bool aligned;

  int64_t bins() const { return out_height * out_width; }
};

// map: [pixel][channel] of one image; roi: image, x1, y1, x2, y2; out: [channel][bin].
void average_region(const Regions&, const float* map, const float* roi, float* out);

// Its gradient: adds that of the bins, grad: [channel][bin], to map: [pixel][channel].
void spread_region(const Regions&, const float* grad, const float* roi, float* map);

}  // namespace surge
