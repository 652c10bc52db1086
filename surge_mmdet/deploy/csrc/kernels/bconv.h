// Binary convolution on packed signs: the interface of all kernels. C++17, no torch, no OpenMP.
//
// A sign is one bit: 1 for +1, 0 for -1. Activations are NHWC, each group of channels padded to
// whole 32-bit words with zeros:
//     bits[n][y][x][group][word]        word = ceil(channels per group / 32)
// and weights in an order that no instruction set owns:
//     bits[out][ky][kx][word]
// Over K valid products dot(a, w) = K - 2 popcount(a xor w). Padding adds true zeros: taps outside
// the image are no products at all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace surge {

struct Geometry {
  int64_t batch, height, width;        // of the input
  int64_t channels, outputs, groups;   // of the whole layer
  int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;

  int64_t in_group() const { return channels / groups; }
  int64_t out_group() const { return outputs / groups; }
  int64_t words() const { return (in_group() + 31) / 32; }     // of one group of one pixel
  int64_t pixel_words() const { return groups * words(); }
  int64_t out_height() const { return extent(height, kernel_h, stride_h, pad_h, dilation_h); }
  int64_t out_width() const { return extent(width, kernel_w, stride_w, pad_w, dilation_w); }
  int64_t out_words() const { return (outputs + 31) / 32; }    // of one output pixel, one group
  // Empty if all is well, else what is wrong.
  const char* problem() const;

 private:
  static int64_t extent(int64_t size, int64_t k, int64_t s, int64_t p, int64_t d) {
    return (size + 2 * p - d * (k - 1) - 1) / s + 1;
  }
};

// A smaller map, of which the nearest pixel stands for each of a larger one.
struct Nearest {
  int64_t height, width;              // of the smaller map
  std::vector<int64_t> rows, columns;  // its row and column for each of the larger map's

  // As PyTorch's interpolate chooses them.
  Nearest(int64_t height, int64_t width, int64_t large_height, int64_t large_width);
  int64_t pixel(int64_t image, int64_t y, int64_t x) const {
    return (image * height + rows[y]) * width + columns[x];
  }
};

// What follows a dot product or a maximum, in this order; null pointers are left out:
//     v = v * scale[o] + bias[o]; v += shortcut; v += shift_in[o];
//     v = max(v, 0) + slope[o] * min(v, 0); v += shift_out[o]; v = min(max(v, low), high)
// Then v goes to `out` (NHWC float) and its sign, v >= threshold[o], to `signs`.
struct Epilogue {
  const float* scale = nullptr;
  const float* bias = nullptr;       // there is one wherever there is a scale
  const float* shortcut = nullptr;   // NHWC, of the output's pixels
  int64_t shortcut_channels = 0;     // fewer are repeated, more are averaged in groups; 0: as out
  int64_t shortcut_pixel = 0;        // that `shortcut` starts with
  const Nearest* nearest = nullptr;  // where the shortcut is a smaller map; convolutions only
  const float* shift_in = nullptr;
  const float* slope = nullptr;
  const float* shift_out = nullptr;
  bool clamp = false;
  float low = 0, high = 0;
  float* out = nullptr;
  int64_t out_pixel = 0;             // that `out` starts with
  uint32_t* signs = nullptr;         // [n][y][x][out_words]
  const float* threshold = nullptr;  // null: 0

  // Empty if shortcuts of so many channels can be added to `outputs`.
  static const char* shortcut_problem(int64_t channels, int64_t outputs);
};

// Maxima of windows of NHWC maps; what lies outside a map does not count.
struct Pool {
  int64_t height, width, channels, out_height, out_width;
  int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;

  // Empty if every window has a pixel, else what is wrong.
  const char* problem() const;
  // Rows of the map that the pooled rows [begin, end) read.
  int64_t first_row(int64_t begin) const;
  int64_t last_row(int64_t end) const;
};

// Everything of a layer that does not depend on the data; made once per geometry.
struct Plan {
  Geometry g;
  std::vector<int64_t> row_class, column_class;  // output row / column to its class of valid taps
  int64_t column_classes = 0;
  std::vector<float> valid;                      // [class][out]: K, corrected for taps outside
  int64_t padded_h = 0, padded_w = 0;            // input with its border of zero bits
  int64_t panels = 0;                            // of kPanel outputs, over all groups
};

// One NHWC map of a pyramid.
struct Level {
  const float* map;
  int64_t height, width;
  float scale;  // of the map over the image
};

// Averages of bilinear samples in regions of NHWC maps.
struct RoiAlign {
  std::vector<Level> levels;
  int64_t batch, channels, out_height, out_width;
  int64_t sampling;  // samples per bin and axis; 0: as many as pixels
  bool aligned;      // pixel centres at half coordinates
};

// A fully connected layer of small integers; see int8.h. All but `outputs` of them in panels.
struct Int8Layer {
  const int8_t* weights;  // [panel of kLanes outputs][column / 4][output][4]
  const int32_t* start;   // [output]: -128 times the sum of its weights
  const float *scale, *bias;
  int64_t outputs, columns;  // columns: a multiple of 4
  bool relu;
};

// Boxes by falling score, for non-maximum suppression.
struct Boxes {
  const float *x1, *y1, *x2, *y2, *area;
  int64_t count, most;  // boxes, and those that may stay
  float offset, threshold;
};

constexpr int kPanel = 64;  // outputs whose weights lie together
constexpr int kLanes = 16;  // outputs of projections and int8 layers come in multiples of it
constexpr int64_t kMostColumns = INT32_MAX / (128 * 127);  // of an int8 layer; see int8.h

struct Kernel {
  const char* name;
  bool (*supported)();
  // Signs of `pixels` rows of NHWC float: bit = x >= threshold (null: 0); NaN counts as not >=.
  void (*pack_signs)(const float* x, const float* threshold, int64_t pixels, int64_t channels,
                     int64_t groups, uint32_t* bits);
  // rois: (image, x1, y1, x2, y2); level: of each region, zeros where there is no such level;
  // out: [region][y][x][channel]
  void (*roi_align)(const RoiAlign&, const float* rois, const int64_t* level, int64_t count,
                    float* out);
  // Rows to 8 bits, x = scale * (q - 128), one scale per row.
  void (*quantize)(const float* x, int64_t rows, int64_t columns, uint8_t* q, float* scale);
  int int8_most;  // largest weight of an int8 layer
  // Such rows times weights, the outputs of the panels [begin, end); out: [row][output].
  void (*int8_product)(const Int8Layer&, const uint8_t* x, const float* scale, int64_t rows,
                       float* out, int64_t begin, int64_t end);
  // Pixels times weights [channel][outputs, padded to kLanes]; out: [pixel][outputs].
  void (*project)(const float* x, int64_t pixels, int64_t channels, const float* weight,
                  const float* bias, int64_t outputs, float* out);
  void (*nms)(const Boxes&, int32_t* dead);  // dead: zeros; 1 for what goes
  size_t (*weight_bytes)(const Geometry&);
  // bits: [out][ky][kx][words]; dst: 64-byte aligned, weight_bytes long
  void (*pack_weights)(const Geometry&, const uint32_t* bits, uint8_t* dst);
  size_t (*scratch_bytes)(const Plan&);          // of one image
  // One image's bits to what `run` reads; rows [begin, end) of the padded input.
  void (*expand)(const Plan&, const uint32_t* image, uint8_t* scratch, int64_t begin, int64_t end);
  int64_t (*tiles)(const Plan&);                 // pieces of work of one image
  void (*run)(const Plan&, const uint8_t* weights, const uint8_t* scratch, const Epilogue&,
              int64_t image, int64_t begin, int64_t end);
  // The same for whole rows of the output, [begin, end).
  void (*run_rows)(const Plan&, const uint8_t* weights, const uint8_t* scratch, const Epilogue&,
                   int64_t image, int64_t begin, int64_t end);
  // Rows [begin, end) of the pooled map; `map` starts with the row `map_row` of the image.
  void (*pool)(const Pool&, const float* map, int64_t map_row, const Epilogue&, int64_t image,
               int64_t begin, int64_t end);
  // Rows [begin, end) of a real convolution (one group, dilation 1) of one padded image; see
  // direct.h for the order of the weights.
  void (*direct)(const Geometry&, const float* padded, const float* weights, const Epilogue&,
                 int64_t image, int64_t begin, int64_t end);
};

// [tap][out]: what a tap outside the image adds to K. It reads zero bits there, and so counts
// popcount(w) differences, which K - 2 popcount takes off twice.
void count_taps(const Geometry&, const uint32_t* weight_bits, float* outside);

Plan make_plan(const Geometry&, const float* outside);

// All kernels of this build, best first; `portable` is last and always supported.
const std::vector<const Kernel*>& kernels();
// The best one this processor has, or the one of that name; null if there is none.
const Kernel* select_kernel(const char* name);

}  // namespace surge
