// What the kernels that count bits of words share: scratch as the bits are, weights by lanes.
#pragma once
#include "driver.h"

namespace surge {
namespace {

template <int kLanesOfPass>
struct Words {
  static constexpr int kPixels = 1, kSlack = 0, kLanes = kLanesOfPass;
  using Cell = uint32_t;

  static int64_t cells(const Geometry& g) { return g.words(); }
  static int64_t steps(const Geometry& g) { return g.kernel_h * g.kernel_w * g.words(); }
  static size_t panel_bytes(const Geometry& g) { return steps(g) * kPanel * sizeof(uint32_t); }

  static void row(const Plan& plan, const uint32_t* bits, Cell* cells) {
    const int64_t pixel = plan.g.pixel_words(), border = plan.g.pad_w * pixel;
    if (!bits) {
      std::memset(cells, 0, plan.padded_w * pixel * sizeof(Cell));
      return;
    }
    std::memset(cells, 0, border * sizeof(Cell));
    std::memcpy(cells + border, bits, plan.g.width * pixel * sizeof(Cell));
    std::memset(cells + border + plan.g.width * pixel, 0, border * sizeof(Cell));
  }

  static size_t weight_bytes(const Geometry& g) {
    return g.groups * ((g.out_group() + kPanel - 1) / kPanel) * panel_bytes(g);
  }

  // [panel][pass][word][lane]
  static void pack_weights(const Geometry& g, const uint32_t* bits, uint8_t* dst) {
    auto* words = reinterpret_cast<uint32_t*>(dst);
    each_weight_word(g, bits, [&](int64_t panel, int64_t step, int64_t lane, uint32_t word) {
      const int64_t pass = lane / kLanes * kLanes;
      words[(panel * kPanel + pass) * steps(g) + step * kLanes + lane % kLanes] = word;
    });
  }
};

}  // namespace
}  // namespace surge
