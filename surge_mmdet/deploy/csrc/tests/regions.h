// Regions that are no numbers, or far larger than any map: zeros or averages, and soon.
#pragma once
#include <array>

#include "../kernels/region_planes.h"
#include "maps.h"

namespace surge {
namespace {

using Region = std::array<float, 5>;

// Without a size that is a number: all zeros.
std::vector<Region> regions_without_numbers() {
  const float inf = INFINITY, nan = NAN;
  return {{0, 0, 0, inf, 5},   {0, -inf, 0, 5, 5},   {0, 0, -inf, 5, inf}, {0, nan, 0, 5, 5},
          {0, 0, 0, nan, nan}, {0, inf, inf, 9, 9},  {0, 1, inf, 5, inf},  {0, 0, 0, -1e30f, 5},
          {0, 9, 9, -inf, -inf}, {0, 3e38f, 3e38f, 3.2e38f, 3.2e38f}};
}

// Larger than 64 bits can count pixels, and as large as they can be.
std::vector<Region> huge_regions() {
  return {{0, -1e12f, -1e12f, 1e12f, 1e12f}, {0, 0, 0, 1e30f, 1e30f}, {0, -3e38f, 0, 3e38f, 1e6f}};
}

bool zeros(const std::vector<float>& v) {
  for (float f : v)
    if (f != 0.0f) return false;
  return true;
}

void check_regions(const Kernel& k) {
  const std::vector<float> map(6 * 7 * 20, 1.0f);
  const int64_t level = 0;
  for (int64_t sampling : {0, 2}) {
    const RoiAlign a{{{map.data(), 6, 7, 0.5f}}, 1, 20, 2, 3, sampling, true};
    std::vector<float> out(2 * 3 * 20);
    for (const Region& roi : regions_without_numbers()) {
      k.roi_align(a, roi.data(), &level, 1, out.data());
      need(zeros(out), k, "a region without numbers");
    }
    for (const Region& roi : huge_regions()) {
      k.roi_align(a, roi.data(), &level, 1, out.data());
      for (float v : out) need(v >= 0.0f && v < 1.001f, k, "a region larger than any map");
    }
  }
}

void check_planes_of_regions() {
  const std::vector<float> map(6 * 7 * 20, 1.0f), grad(2 * 3 * 20, 1.0f);
  const Regions r{20, 6, 7, 2, 3, 0, 0.5f, true};
  std::vector<float> out(2 * 3 * 20), back(map.size());
  for (const Region& roi : regions_without_numbers()) {
    average_region(r, map.data(), roi.data(), out.data());
    spread_region(r, grad.data(), roi.data(), back.data());
    if (zeros(out) && zeros(back)) continue;
    std::printf("planes of a region without numbers differ\n");
    std::exit(1);
  }
}

}  // namespace
}  // namespace surge
