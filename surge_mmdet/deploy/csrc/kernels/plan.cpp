// What a layer needs beside its weights: border classes and their corrections; dispatch.
#include <cstring>
#include <map>
#include <utility>

#include "bconv.h"

namespace surge {

const char* Geometry::problem() const {
  if (batch < 0 || height < 1 || width < 1) return "the input has no pixels";
  if (channels < 1 || outputs < 1 || groups < 1) return "channels and groups must be positive";
  if (channels % groups || outputs % groups) return "groups do not divide the channels";
  if (kernel_h < 1 || kernel_w < 1) return "the filter has no taps";
  if (stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1)
    return "stride and dilation must be positive";
  if (pad_h < 0 || pad_w < 0) return "padding must not be negative";
  if (height + 2 * pad_h < dilation_h * (kernel_h - 1) + 1 ||
      width + 2 * pad_w < dilation_w * (kernel_w - 1) + 1)
    return "the filter is larger than the padded input";
  if (kernel_h * kernel_w * channels >= (int64_t{1} << 24)) return "more products than float counts";
  return nullptr;
}

const char* Epilogue::shortcut_problem(int64_t channels, int64_t outputs) {
  if (channels > 0 && (channels % outputs == 0 || outputs % channels == 0)) return nullptr;
  return "channels of the shortcut and of the output are no multiples of each other";
}

const char* Pool::problem() const {
  if (height < 1 || width < 1 || channels < 1) return "the map has no pixels";
  if (kernel_h < 1 || kernel_w < 1 || stride_h < 1 || stride_w < 1) return "the window is empty";
  if (pad_h < 0 || pad_w < 0 || pad_h >= kernel_h || pad_w >= kernel_w)
    return "padding has to be smaller than the window";
  if (out_height < 1 || out_width < 1 || (out_height - 1) * stride_h - pad_h >= height ||
      (out_width - 1) * stride_w - pad_w >= width)
    return "a window lies outside the map";
  return nullptr;
}

namespace {

std::vector<int64_t> nearest(int64_t small, int64_t large) {
  std::vector<int64_t> of(large);
  const float scale = static_cast<float>(small) / static_cast<float>(large);
  for (int64_t i = 0; i < large; i++) {
    const auto at = static_cast<int64_t>(static_cast<float>(i) * scale);
    of[i] = large == small ? i : large == 2 * small ? i / 2 : at < small ? at : small - 1;
  }
  return of;
}

}  // namespace

Nearest::Nearest(int64_t height, int64_t width, int64_t large_height, int64_t large_width)
    : height(height), width(width), rows(nearest(height, large_height)),
      columns(nearest(width, large_width)) {}

int64_t Pool::first_row(int64_t begin) const {
  const int64_t row = begin * stride_h - pad_h;
  return row > 0 ? row : 0;
}

int64_t Pool::last_row(int64_t end) const {
  const int64_t row = (end - 1) * stride_h - pad_h + kernel_h;
  return row < height ? row : height;
}

namespace {

using Range = std::pair<int64_t, int64_t>;  // valid taps [first, second)

// Valid taps per output position along one axis, as a class number per position.
std::vector<Range> classes(int64_t out, int64_t size, int64_t k, int64_t s, int64_t p, int64_t d,
                           std::vector<int64_t>& of) {
  std::map<Range, int64_t> known;
  std::vector<Range> found;
  for (int64_t i = 0; i < out; i++) {
    const int64_t start = i * s - p;
    int64_t first = 0, last = k;
    while (first < k && start + first * d < 0) first++;
    while (last > first && start + (last - 1) * d >= size) last--;
    const Range range(first, last);
    auto [it, fresh] = known.emplace(range, static_cast<int64_t>(found.size()));
    if (fresh) found.push_back(range);
    of.push_back(it->second);
  }
  return found;
}

}  // namespace

void count_taps(const Geometry& g, const uint32_t* bits, float* outside) {
  const int64_t taps = g.kernel_h * g.kernel_w, words = g.words();
  for (int64_t o = 0; o < g.outputs; o++)
    for (int64_t t = 0; t < taps; t++) {
      int64_t ones = 0;
      for (int64_t w = 0; w < words; w++)
        ones += __builtin_popcount(bits[(o * taps + t) * words + w]);
      outside[t * g.outputs + o] = static_cast<float>(2 * ones);
    }
}

Plan make_plan(const Geometry& g, const float* outside) {
  Plan plan;
  plan.g = g;
  const auto rows = classes(g.out_height(), g.height, g.kernel_h, g.stride_h, g.pad_h,
                            g.dilation_h, plan.row_class);
  const auto columns = classes(g.out_width(), g.width, g.kernel_w, g.stride_w, g.pad_w,
                               g.dilation_w, plan.column_class);
  plan.column_classes = static_cast<int64_t>(columns.size());
  plan.valid.assign(rows.size() * columns.size() * g.outputs, 0.0f);
  float* valid = plan.valid.data();
  for (const Range& row : rows)
    for (const Range& column : columns) {
      int64_t inside = 0;
      for (int64_t ky = 0; ky < g.kernel_h; ky++)
        for (int64_t kx = 0; kx < g.kernel_w; kx++) {
          if (ky >= row.first && ky < row.second && kx >= column.first && kx < column.second) {
            inside++;
            continue;
          }
          const float* more = outside + (ky * g.kernel_w + kx) * g.outputs;
          for (int64_t o = 0; o < g.outputs; o++) valid[o] += more[o];
        }
      const float products = static_cast<float>(inside * g.in_group());
      for (int64_t o = 0; o < g.outputs; o++) valid[o] += products;
      valid += g.outputs;
    }
  plan.padded_h = g.height + 2 * g.pad_h;
  plan.padded_w = g.width + 2 * g.pad_w;
  plan.panels = g.groups * ((g.out_group() + kPanel - 1) / kPanel);
  return plan;
}

extern const Kernel kPortable;
#if defined(__x86_64__)
extern const Kernel kAvx2, kAvx512Lookup, kAvx512Popcount;
#elif defined(__aarch64__)
extern const Kernel kNeon;
#endif

const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> all = {
#if defined(__x86_64__)
      &kAvx512Popcount, &kAvx512Lookup, &kAvx2,
#elif defined(__aarch64__)
      &kNeon,
#endif
      &kPortable,
  };
  return all;
}

const Kernel* select_kernel(const char* name) {
  for (const Kernel* kernel : kernels())
    if (name && *name ? !std::strcmp(name, kernel->name) && kernel->supported()
                      : kernel->supported())
      return kernel;
  return nullptr;
}

}  // namespace surge
