// All kernels against a convolution of signs written out: exact integers, borders, epilogue.
// Prints one line per kernel and exits with 1 at the first difference.
#include <cmath>
#include <cstring>
#include <limits>

#include "maps.h"
#include "memory.h"
#include "regions.h"
#include "rows.h"

using namespace surge;

namespace {

struct Case {
  Geometry g;
  std::vector<float> x, w;  // NHWC, [out][ky][kx][in of group]
};

Case make(Geometry g) {
  Case c{g, {}, {}};
  c.x.resize(g.batch * g.height * g.width * g.channels);
  c.w.resize(g.outputs * g.kernel_h * g.kernel_w * g.in_group());
  for (auto& v : c.x) v = normal();
  for (auto& v : c.w) v = normal();
  if (c.x.size() > 3) c.x[0] = 0.0f, c.x[1] = -0.0f, c.x[2] = NAN, c.x[3] = -INFINITY;
  return c;
}

int sign(float v) { return v >= 0 ? 1 : -1; }

int naive(const Case& c, int64_t n, int64_t y, int64_t x, int64_t o) {
  const Geometry& g = c.g;
  const int64_t group = o / g.out_group(), in = g.in_group();
  int sum = 0;
  for (int64_t ky = 0; ky < g.kernel_h; ky++)
    for (int64_t kx = 0; kx < g.kernel_w; kx++) {
      const int64_t yy = y * g.stride_h - g.pad_h + ky * g.dilation_h;
      const int64_t xx = x * g.stride_w - g.pad_w + kx * g.dilation_w;
      if (yy < 0 || yy >= g.height || xx < 0 || xx >= g.width) continue;
      for (int64_t i = 0; i < in; i++)
        sum += sign(c.x[((n * g.height + yy) * g.width + xx) * g.channels + group * in + i]) *
               sign(c.w[((o * g.kernel_h + ky) * g.kernel_w + kx) * in + i]);
    }
  return sum;
}

void execute(const Kernel& k, const Plan& plan, const uint8_t* weights,
             const std::vector<uint32_t>& bits, const Epilogue& e, int64_t pieces) {
  const Geometry& g = plan.g;
  Aligned scratch(k.scratch_bytes(plan));
  for (int64_t n = 0; n < g.batch; n++) {
    const uint32_t* image = bits.data() + n * g.height * g.width * g.pixel_words();
    const int64_t half = plan.padded_h / 2;
    k.expand(plan, image, scratch.p, half, plan.padded_h);
    k.expand(plan, image, scratch.p, 0, half);
    const int64_t tiles = k.tiles(plan);
    for (int64_t p = 0; p < pieces; p++)
      k.run(plan, weights, scratch.p, e, n, tiles * p / pieces, tiles * (p + 1) / pieces);
  }
}

void fail(const Kernel& k, const Geometry& g, const char* what) {
  std::printf("%s: %s differs at batch %ld %ldx%ld channels %ld>%ld groups %ld filter %ldx%ld "
              "stride %ld,%ld pad %ld,%ld dilation %ld,%ld\n",
              k.name, what, (long)g.batch, (long)g.height, (long)g.width, (long)g.channels,
              (long)g.outputs, (long)g.groups, (long)g.kernel_h, (long)g.kernel_w,
              (long)g.stride_h, (long)g.stride_w, (long)g.pad_h, (long)g.pad_w,
              (long)g.dilation_h, (long)g.dilation_w);
  std::exit(1);
}

// What a pixel of a shortcut adds to output `o`.
float added(const float* pixel, int64_t channels, int64_t outputs, int64_t o) {
  if (channels <= outputs) return pixel[o % channels];
  const int64_t groups = channels / outputs;
  float sum = 0;
  for (int64_t i = 0; i < groups; i++) sum += pixel[o * groups + i];
  return sum / static_cast<float>(groups);
}

void check(const Kernel& k, const Geometry& g) {
  const Case c = make(g);
  std::vector<uint32_t> bits(g.batch * g.height * g.width * g.pixel_words());
  std::vector<uint32_t> weight_bits(g.outputs * g.kernel_h * g.kernel_w * g.words());
  k.pack_signs(c.x.data(), nullptr, g.batch * g.height * g.width, g.channels, g.groups, bits.data());
  k.pack_signs(c.w.data(), nullptr, g.outputs * g.kernel_h * g.kernel_w, g.in_group(), 1,
             weight_bits.data());
  std::vector<float> outside(g.kernel_h * g.kernel_w * g.outputs);
  count_taps(g, weight_bits.data(), outside.data());
  const Plan plan = make_plan(g, outside.data());
  Aligned weights(k.weight_bytes(g));
  k.pack_weights(g, weight_bits.data(), weights.p);

  const int64_t pixels = g.batch * g.out_height() * g.out_width(), size = pixels * g.outputs;
  std::vector<float> one(g.outputs, 1.0f), zero(g.outputs, 0.0f), out(size + 1, -77.0f);
  Epilogue e;
  e.scale = one.data();
  e.bias = zero.data();
  e.out = out.data();
  execute(k, plan, weights.p, bits, e, 1);
  std::vector<float> dot(size);
  for (int64_t i = 0; i < size; i++) {
    const int64_t o = i % g.outputs, p = i / g.outputs;
    const int64_t x = p % g.out_width(), y = p / g.out_width() % g.out_height();
    dot[i] = static_cast<float>(naive(c, p / g.out_width() / g.out_height(), y, x, o));
    if (out[i] != dot[i]) fail(k, g, "the integer");
  }
  if (out[size] != -77.0f) fail(k, g, "what lies behind the output");

  // All of the epilogue, in several pieces of work.
  std::vector<float> scale(g.outputs), bias(g.outputs), shift_in(g.outputs), slope(g.outputs),
      shift_out(g.outputs), threshold(g.outputs);
  const int64_t wide = pick({1, 1, 1, 2, 3});  // a shortcut of other channels than the output
  const bool repeated = g.outputs % wide == 0 && pick({0, 1});
  const int64_t channels = repeated ? g.outputs / wide : g.outputs * wide;
  std::vector<float> shortcut(pixels * channels);
  for (auto* v : {&scale, &bias, &shift_in, &slope, &shift_out, &threshold, &shortcut})
    for (auto& f : *v) f = normal();
  if (shortcut.size() > 2) shortcut[1] = NAN, shortcut[2] = INFINITY;
  std::vector<uint32_t> signs(pixels * g.out_words() + 1, 0xabcdabcdu);
  e.scale = scale.data();
  e.bias = bias.data();
  e.shortcut = shortcut.data();
  e.shortcut_channels = channels;
  e.shift_in = shift_in.data();
  e.slope = slope.data();
  e.shift_out = shift_out.data();
  e.clamp = true;
  e.low = -2.5f;
  e.high = 3.0f;
  const bool writes_signs = g.groups == 1 || g.out_group() % kPanel == 0;
  if (writes_signs) e.signs = signs.data(), e.threshold = threshold.data();
  execute(k, plan, weights.p, bits, e, 3);
  for (int64_t i = 0; i < size; i++) {
    const int64_t o = i % g.outputs;
    const float more = added(shortcut.data() + i / g.outputs * channels, channels, g.outputs, o);
    float v = std::fmaf(dot[i], scale[o], bias[o]) + more + shift_in[o];
    v = std::isnan(v) ? v : std::fmaf(std::fmin(v, 0.0f), slope[o], std::fmax(v, 0.0f));
    v += shift_out[o];
    v = std::isnan(v) ? v : std::fmin(std::fmax(v, -2.5f), 3.0f);
    if (std::isnan(v) ? !std::isnan(out[i]) : std::fabs(out[i] - v) > 1e-6f * (1 + std::fabs(v)))
      fail(k, g, "the epilogue");
    if (writes_signs) {
      const uint32_t word = signs[i / g.outputs * g.out_words() + o / 32];
      if (((word >> (o % 32)) & 1) != (out[i] >= threshold[o])) fail(k, g, "a sign");
    }
  }
  if (signs.back() != 0xabcdabcdu) fail(k, g, "what lies behind the signs");

  // The same row by row, into a buffer of one row.
  const int64_t row = g.out_width() * g.outputs;
  std::vector<float> band(row), all(out);
  Aligned scratch(k.scratch_bytes(plan));
  e.out = band.data();
  e.signs = nullptr;
  for (int64_t y = 0; y < g.batch * g.out_height(); y++) {
    const int64_t n = y / g.out_height(), inner = y % g.out_height();
    if (inner == 0)
      k.expand(plan, bits.data() + n * g.height * g.width * g.pixel_words(), scratch.p, 0,
               plan.padded_h);
    e.out_pixel = y * g.out_width();
    k.run_rows(plan, weights.p, scratch.p, e, n, inner, inner + 1);
    if (std::memcmp(band.data(), all.data() + y * row, row * sizeof(float)))
      fail(k, g, "a row by itself");
  }
}

Geometry random_geometry() {
  for (;;) {
    const int64_t groups = pick({1, 1, 1, 2, 3});
    Geometry g{pick({1, 2}), pick({1, 2, 5, 8}), pick({1, 3, 6, 13}),
               groups * pick({1, 3, 16, 31, 32, 33, 40, 64, 96, 130}),
               groups * pick({1, 5, 16, 33, 63, 64, 65, 128}), groups,
               pick({1, 2, 3, 5}), pick({1, 2, 3, 5}), pick({1, 2, 3}), pick({1, 2, 3}),
               pick({0, 1, 2, 6}), pick({0, 1, 2, 6}), pick({1, 2, 6}), pick({1, 2, 6})};
    if (!g.problem()) return g;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 300;
  check_memory();
  check_planes_of_regions();
  for (const Kernel* k : kernels()) {
    if (!k->supported()) {
      std::printf("%s: not on this processor\n", k->name);
      continue;
    }
    engine.seed(1);
    for (int64_t c : {64, 128})  // ResNet's and VGG's layers
      check(*k, {1, 9, 11, c, c, 1, 3, 3, 1, 1, 1, 1, 1, 1});
    check(*k, {1, 19, 19, 64, 96, 1, 3, 3, 1, 1, 6, 6, 6, 6});
    check(*k, {3, 1, 1, 8192, 70, 1, 1, 1, 1, 1, 0, 0, 1, 1});  // linear
    check(*k, {1, 3, 3, 9000, 8, 1, 3, 3, 1, 1, 1, 1, 1, 1});   // more than 65,536 products
    check(*k, {1, 41, 67, 33, 130, 1, 1, 1, 1, 1, 0, 0, 1, 1});  // panels take turns on bands
    check_int8(*k, true, kMostColumns);
    check_regions(*k);
    for (int i = 0; i < count; i++) check(*k, random_geometry()), check_maps(*k), check_rows(*k);
    std::printf("%s: %d cases equal\n", k->name, count + 6);
  }
}
