// Non-maximum suppression: for each kept box, all later ones at a time.
#pragma once
#include <vector>

#include "bconv.h"

namespace surge {
namespace {

// Boxes in the order of their scores, one array per corner. Rounds as the scalar form
// inter / (area_i + area_j - inter) > threshold does; the build forbids contraction.
inline void suppress(const Boxes& b, int64_t i, int32_t* __restrict dead) {
  const float x1 = b.x1[i], y1 = b.y1[i], x2 = b.x2[i], y2 = b.y2[i], area = b.area[i];
  const float *__restrict bx1 = b.x1, *__restrict by1 = b.y1, *__restrict bx2 = b.x2,
              *__restrict by2 = b.y2, *__restrict ba = b.area;
  const float offset = b.offset, threshold = b.threshold;
  for (int64_t j = i + 1; j < b.count; j++) {
    const float left = x1 > bx1[j] ? x1 : bx1[j], top = y1 > by1[j] ? y1 : by1[j];
    const float right = x2 < bx2[j] ? x2 : bx2[j], bottom = y2 < by2[j] ? y2 : by2[j];
    float w = right - left + offset, h = bottom - top + offset;
    w = w > 0.0f ? w : 0.0f;
    h = h > 0.0f ? h : 0.0f;
    const float inter = w * h;
    dead[j] |= inter / (area + ba[j] - inter) > threshold;
  }
}

template <class Simd>
void nms(const Boxes& boxes, int32_t* dead) {
  int64_t kept = 0;
  for (int64_t i = 0; i < boxes.count; i++) {
    if (kept == boxes.most) dead[i] = 1;
    if (dead[i]) continue;
    kept++;
    if (kept < boxes.most) suppress(boxes, i, dead);
  }
}

}  // namespace
}  // namespace surge
