// What all kernels share: tiles of pixels, panels of outputs, and the fused epilogue. Each
// instruction set's file includes it once with its own `Simd` and `Core`:
//
//   Simd: see epilogue.h
//   Core: kUnits      positions of one tile;
//         kPixels     neighbouring output pixels of one position (2 where a table holds two);
//         Cell        what the scratch is made of; cells(g) per group and padded pixel;
//         row(...)    one row of bits to cells;
//         compute(plan, cells*[kUnits], weights, int32 counts[kUnits * kPixels][kPanel]).
#pragma once
#include <cstring>

#include "epilogue.h"

namespace surge {
namespace {

// The output positions one after another; divisions are as dear as a tenth of a tile.
struct Cursor {
  int64_t y, x, in_row, step, rows;

  void next() {
    x += step;
    if (x >= in_row * step) x = 0, y++;
    if (y == rows) y = rows - 1, x = (in_row - 1) * step;  // stays at the last one
  }
};

template <class Core>
int64_t units_in_row(const Plan& plan) {
  return (plan.g.out_width() + Core::kPixels - 1) / Core::kPixels;
}

template <class Core>
int64_t tiles_per_panel(const Plan& plan) {
  const int64_t units = plan.g.out_height() * units_in_row<Core>(plan);
  return (units + Core::kUnits - 1) / Core::kUnits;
}

template <class Simd>
void pack(const float* x, const float* threshold, int64_t pixels, int64_t channels, int64_t groups,
          uint32_t* bits) {
  constexpr int N = Simd::N;
  const int64_t in = channels / groups, whole = in / 32;
  const auto zero = Simd::set(0.0f);
  for (int64_t p = 0; p < pixels; p++)
    for (int64_t g = 0; g < groups; g++) {
      const float* v = x + p * channels + g * in;
      const float* t = threshold ? threshold + g * in : nullptr;
      for (int64_t w = 0; w < whole; w++) {
        uint32_t word = 0;
        for (int i = 0; i < 32; i += N) {
          const int64_t at = w * 32 + i;
          word |= Simd::at_least(Simd::load(v + at), t ? Simd::load(t + at) : zero) << i;
        }
        *bits++ = word;
      }
      if (in % 32 == 0) continue;
      uint32_t word = 0;
      for (int64_t i = whole * 32; i < in; i++)
        word |= static_cast<uint32_t>(v[i] >= (t ? t[i] : 0.0f)) << (i - whole * 32);
      *bits++ = word;
    }
}

template <class Core>
size_t scratch_bytes(const Plan& plan) {
  // A tile of two pixels reads a cell beyond the last one; vectors may read a little more.
  const int64_t cells = plan.g.groups * Core::cells(plan.g);
  return (plan.padded_h * plan.padded_w * cells + Core::kSlack) * sizeof(typename Core::Cell);
}

template <class Core>
void expand(const Plan& plan, const uint32_t* image, uint8_t* scratch, int64_t begin, int64_t end) {
  const Geometry& g = plan.g;
  auto* cells = reinterpret_cast<typename Core::Cell*>(scratch);
  const int64_t row_cells = plan.padded_w * g.groups * Core::cells(g);
  for (int64_t y = begin; y < end; y++) {
    const int64_t source = y - g.pad_h;
    const bool inside = source >= 0 && source < g.height;
    Core::row(plan, inside ? image + source * g.width * g.pixel_words() : nullptr,
              cells + y * row_cells);
  }
  if (end == plan.padded_h)
    std::memset(cells + plan.padded_h * row_cells, 0, Core::kSlack * sizeof(typename Core::Cell));
}

template <class Core>
int64_t tiles(const Plan& plan) {
  return plan.panels * tiles_per_panel<Core>(plan);
}

// The positions [begin, end) of one panel of outputs.
template <class Core, class Simd>
void run_units(const Plan& plan, const uint8_t* weights, const uint8_t* scratch, const Epilogue& e,
               int64_t image, int64_t panel, int64_t begin, int64_t end) {
  const Geometry& g = plan.g;
  const int64_t in_row = units_in_row<Core>(plan), cells = g.groups * Core::cells(g);
  const int64_t row_cells = g.stride_h * plan.padded_w * cells, x_cells = g.stride_w * cells;
  const int64_t group_panels = (g.out_group() + kPanel - 1) / kPanel, group = panel / group_panels;
  const int64_t inner = panel % group_panels * kPanel, first = group * g.out_group() + inner;
  const int64_t n = g.out_group() - inner < kPanel ? g.out_group() - inner : kPanel;
  const int64_t height = g.out_height(), width = g.out_width();
  const auto* base = reinterpret_cast<const typename Core::Cell*>(scratch) + group * Core::cells(g);
  weights += panel * Core::panel_bytes(g);
  alignas(64) int32_t counts[Core::kUnits * Core::kPixels][kPanel];
  Cursor at{begin / in_row, begin % in_row * Core::kPixels, in_row, Core::kPixels, height};
  for (int64_t unit = begin; unit < end; unit += Core::kUnits) {
    const typename Core::Cell* source[Core::kUnits];
    Cursor read = at;
    for (int u = 0; u < Core::kUnits; u++, read.next())
      source[u] = base + read.y * row_cells + read.x * x_cells;
    Core::compute(plan, source, weights, counts);
    const int64_t left = end - unit < Core::kUnits ? end - unit : Core::kUnits;
    for (int64_t u = 0; u < left; u++, at.next())
      for (int s = 0; s < Core::kPixels && at.x + s < width; s++) {
        const int64_t of = plan.row_class[at.y] * plan.column_classes + plan.column_class[at.x + s];
        const Counts<Simd> dot{counts[u * Core::kPixels + s],
                               plan.valid.data() + of * g.outputs + first};
        const int64_t pixel = (image * height + at.y) * width + at.x + s;
        const int64_t added = e.nearest ? e.nearest->pixel(image, at.y, at.x + s) : pixel;
        finish<Simd>(e, dot, g.outputs, pixel, added, first, n);
      }
  }
}

// Tiles one after another that all panels take before the next ones: those whose outputs stay in
// the second level cache, or all of them on small maps.
template <class Core>
int64_t band_of(const Plan& plan) {
  constexpr int64_t kSmall = 1 << 20, kBand = 1 << 18;  // bytes
  const int64_t per_panel = tiles_per_panel<Core>(plan);
  const int64_t tile = Core::kUnits * Core::kPixels * plan.g.outputs * 4;
  if (plan.panels == 1 || per_panel * tile <= kSmall) return per_panel;
  return tile < kBand ? kBand / tile : 1;
}

template <class Core, class Simd>
void run(const Plan& plan, const uint8_t* weights, const uint8_t* scratch, const Epilogue& e,
         int64_t image, int64_t begin, int64_t end) {
  const int64_t per_panel = tiles_per_panel<Core>(plan), band = band_of<Core>(plan);
  const int64_t units = plan.g.out_height() * units_in_row<Core>(plan);
  while (begin < end) {
    const int64_t first = begin / (band * plan.panels) * band, at = begin - first * plan.panels;
    const int64_t tiles = per_panel - first < band ? per_panel - first : band;
    const int64_t panel = at / tiles, tile = first + at % tiles, left = first + tiles - tile;
    const int64_t count = end - begin < left ? end - begin : left;
    const int64_t last = (tile + count) * Core::kUnits;
    run_units<Core, Simd>(plan, weights, scratch, e, image, panel, tile * Core::kUnits,
                          last < units ? last : units);
    begin += count;
  }
}

template <class Core, class Simd>
void run_rows(const Plan& plan, const uint8_t* weights, const uint8_t* scratch, const Epilogue& e,
              int64_t image, int64_t begin, int64_t end) {
  const int64_t in_row = units_in_row<Core>(plan);
  for (int64_t panel = 0; panel < plan.panels; panel++)
    run_units<Core, Simd>(plan, weights, scratch, e, image, panel, begin * in_row, end * in_row);
}

// Weights as [panel][step][lane] of one word each, zero where a panel has fewer outputs.
template <class Store>
void each_weight_word(const Geometry& g, const uint32_t* bits, Store store) {
  const int64_t steps = g.kernel_h * g.kernel_w * g.words();
  const int64_t group_panels = (g.out_group() + kPanel - 1) / kPanel;
  for (int64_t panel = 0; panel < g.groups * group_panels; panel++)
    for (int64_t lane = 0; lane < kPanel; lane++) {
      const int64_t inner = panel % group_panels * kPanel + lane;
      const int64_t out = panel / group_panels * g.out_group() + inner;
      for (int64_t step = 0; step < steps; step++)
        store(panel, step, lane, inner < g.out_group() ? bits[out * steps + step] : 0u);
    }
}

// Runs of neighbouring cells that one filter row (or tap) reads.
struct Runs {
  int64_t rows, taps, length;      // rows x taps runs of `length` cells
  int64_t row_step, tap_step;      // in cells

  static bool joined(const Geometry& g) { return g.groups == 1 && g.dilation_w == 1; }

  template <class Core>
  static int64_t length_of(const Geometry& g) {
    return (joined(g) ? g.kernel_w : 1) * Core::cells(g);
  }

  template <class Core>
  static Runs of(const Plan& plan) {
    const Geometry& g = plan.g;
    const int64_t pixel = g.groups * Core::cells(g);
    return {g.kernel_h, joined(g) ? 1 : g.kernel_w, length_of<Core>(g),
            g.dilation_h * plan.padded_w * pixel, g.dilation_w * pixel};
  }
};

}  // namespace
}  // namespace surge
