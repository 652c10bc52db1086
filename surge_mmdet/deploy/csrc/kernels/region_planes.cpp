#include "region_planes.h"

#include <vector>

#include "planes.h"
#include "roi_align.h"

namespace surge {

namespace {

// visit(bin, pixel, weight) for every pixel that a bin averages.
template <class Visit>
void each_weight(const Regions& r, const float* roi, Visit visit) {
  thread_local std::vector<Span> rows, columns;
  rows.resize(r.out_height);
  columns.resize(r.out_width);
  spans_of(roi, {nullptr, r.height, r.width, r.scale}, r.aligned, r.sampling, rows, columns);
  for (int64_t i = 0; i < r.out_height; i++)
    for (int64_t j = 0; j < r.out_width; j++)
      for (size_t a = 0; a < rows[i].weights.size(); a++)
        for (size_t b = 0; b < columns[j].weights.size(); b++)
          visit(i * r.out_width + j, (rows[i].first + a) * r.width + columns[j].first + b,
                rows[i].weights[a] * columns[j].weights[b]);
}

}  // namespace

void average_region(const Regions& r, const float* map, const float* roi, float* out) {
  thread_local std::vector<float> bins;
  bins.assign(r.bins() * r.channels, 0.0f);
  each_weight(r, roi, [&](int64_t bin, int64_t pixel, float weight) {
    float* to = bins.data() + bin * r.channels;
    add_scaled(to, map + pixel * r.channels, weight, r.channels, to);
  });
  to_planes(bins.data(), r.bins(), r.channels, out);
}

void spread_region(const Regions& r, const float* grad, const float* roi, float* map) {
  thread_local std::vector<float> bins;
  bins.resize(r.bins() * r.channels);
  to_planes(grad, r.channels, r.bins(), bins.data());
  each_weight(r, roi, [&](int64_t bin, int64_t pixel, float weight) {
    float* to = map + pixel * r.channels;
    add_scaled(to, bins.data() + bin * r.channels, weight, r.channels, to);
  });
}

}  // namespace surge
