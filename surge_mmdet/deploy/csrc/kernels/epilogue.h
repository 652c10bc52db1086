// What follows a sum or a maximum while it is in registers. Each instruction set's file brings its
// own `Simd`: float vectors of N lanes (load, store, set, add, fma, max, min, max_or_nan) and
// `at_least`, a mask. max and min give their second operand where a value is NaN, so that NaN
// passes; max_or_nan gives NaN where either value is NaN. kVectors (2 or 4): so many vectors of 6
// pixels each fit the registers.
#pragma once
#include "bconv.h"

namespace surge {
namespace {

// A dot product from counted differences: K - 2 popcount.
template <class Simd>
struct Counts {
  const int32_t* counts;
  const float* valid;

  auto vector(int64_t i) const {
    return Simd::fma(Simd::from_int(counts + i), Simd::set(-2.0f), Simd::load(valid + i));
  }
  float one(int64_t i) const { return static_cast<float>(counts[i]) * -2.0f + valid[i]; }
};

template <class Simd>
struct Floats {
  const float* values;

  auto vector(int64_t i) const { return Simd::load(values + i); }
  float one(int64_t i) const { return values[i]; }
};

// Shortcut values of the outputs [first, first + n) of a pixel, `wide` where they do not lie as
// they are added.
inline const float* shortcut_of(const Epilogue& e, int64_t outputs, int64_t pixel, int64_t first,
                                int64_t n, float* wide) {
  if (!e.shortcut) return nullptr;
  const int64_t c = e.shortcut_channels ? e.shortcut_channels : outputs;
  const float* from = e.shortcut + pixel * c;
  if (c <= outputs) {
    const int64_t at = first % c;
    if (at + n <= c) return from + at;
    for (int64_t i = 0; i < n; i++) wide[i] = from[(at + i) % c];
    return wide;
  }
  const int64_t groups = c / outputs;
  for (int64_t i = 0; i < n; i++) {
    float sum = 0.0f;
    for (int64_t j = 0; j < groups; j++) sum += from[(first + i) * groups + j];
    wide[i] = sum / static_cast<float>(groups);
  }
  return wide;
}

// Outputs [first, first + n) of a pixel, to which the shortcut's pixel `added` is added; first is a
// multiple of 32, n at most 64.
template <class Simd, class Source>
void finish(const Epilogue& e, const Source& source, int64_t outputs, int64_t pixel, int64_t added,
            int64_t first, int64_t n) {
  constexpr int N = Simd::N;
  float wide[kPanel];
  const float* shortcut = shortcut_of(e, outputs, added - e.shortcut_pixel, first, n, wide);
  float* out = e.out ? e.out + (pixel - e.out_pixel) * outputs + first : nullptr;
  const auto zero = Simd::set(0.0f);
  uint64_t mask = 0;
  int64_t i = 0;
  for (; i + N <= n; i += N) {
    auto v = source.vector(i);
    if (e.scale) v = Simd::fma(v, Simd::load(e.scale + first + i), Simd::load(e.bias + first + i));
    if (shortcut) v = Simd::add(v, Simd::load(shortcut + i));
    if (e.shift_in) v = Simd::add(v, Simd::load(e.shift_in + first + i));
    if (e.slope)
      v = Simd::fma(Simd::min(zero, v), Simd::load(e.slope + first + i), Simd::max(zero, v));
    if (e.shift_out) v = Simd::add(v, Simd::load(e.shift_out + first + i));
    if (e.clamp) v = Simd::min(Simd::set(e.high), Simd::max(Simd::set(e.low), v));
    if (out) Simd::store(out + i, v);
    if (e.signs) {
      const auto t = e.threshold ? Simd::load(e.threshold + first + i) : zero;
      mask |= static_cast<uint64_t>(Simd::at_least(v, t)) << i;
    }
  }
  for (; i < n; i++) {  // outputs that fill no vector
    float v = source.one(i);
    if (e.scale) v = __builtin_fmaf(v, e.scale[first + i], e.bias[first + i]);
    if (shortcut) v += shortcut[i];
    if (e.shift_in) v += e.shift_in[first + i];
    if (e.slope) v = __builtin_fmaf(0 < v ? 0.0f : v, e.slope[first + i], 0 > v ? 0.0f : v);
    if (e.shift_out) v += e.shift_out[first + i];
    if (e.clamp) v = v < e.low ? e.low : v > e.high ? e.high : v;
    if (out) out[i] = v;
    if (e.signs)
      mask |= static_cast<uint64_t>(v >= (e.threshold ? e.threshold[first + i] : 0.0f)) << i;
  }
  if (e.signs) {  // whole words
    uint32_t* words = e.signs + pixel * ((outputs + 31) / 32) + first / 32;
    words[0] = static_cast<uint32_t>(mask);
    if (n > 32) words[1] = static_cast<uint32_t>(mask >> 32);
  }
}

}  // namespace
}  // namespace surge
