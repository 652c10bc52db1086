// Loops over planes that a compiler vectorises by itself, for each instruction set.
#include "planes.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__linux__)
#define SURGE_EACH_SET __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SURGE_EACH_SET
#endif

// As PyTorch adds products: fused where the processor can.
#pragma GCC optimize("fp-contract=fast")

namespace surge {

constexpr int64_t kVector = 16;

// Planes of filters are smaller than a vector: each reads on into the next.
SURGE_EACH_SET
static void pack_small(const float* x, int64_t channels, int64_t pixels, int64_t pixel_words,
                       uint32_t* bits) {
  const float* end = x + channels * pixels;
  float last[kVector] = {};
  for (int64_t c = 0; c < channels; c += 32) {
    uint32_t words[kVector] = {};
    const int64_t n = std::min<int64_t>(32, channels - c);
    for (int64_t i = 0; i < n; i++, x += pixels) {
      const float* plane = x;
      if (end - x < kVector) plane = std::copy(x, end, last) - (end - x);
      for (int64_t p = 0; p < kVector; p++) words[p] |= uint32_t{plane[p] >= 0.0f} << i;
    }
    for (int64_t p = 0; p < pixels; p++) bits[p * pixel_words + c / 32] = words[p];
  }
}

SURGE_EACH_SET
void pack_planes(const float* x, int64_t channels, int64_t pixels, int64_t pixel_words,
                 uint32_t* bits) {
  constexpr int64_t kBlock = 256;  // words that stay in the first cache
  if (pixels < kVector) return pack_small(x, channels, pixels, pixel_words, bits);
  for (int64_t first = 0; first < pixels; first += kBlock) {
    const int64_t n = std::min(kBlock, pixels - first);
    for (int64_t c = 0; c < channels; c += 32) {
      uint32_t words[kBlock] = {};
      const int64_t end = std::min<int64_t>(32, channels - c);
      for (int64_t i = 0; i < end; i++) {
        const float* plane = x + (c + i) * pixels + first;
        const uint32_t bit = uint32_t{1} << i;
        for (int64_t p = 0; p < n; p++) words[p] |= plane[p] >= 0.0f ? bit : 0u;
      }
      uint32_t* to = bits + first * pixel_words + c / 32;
      for (int64_t p = 0; p < n; p++) to[p * pixel_words] = words[p];
    }
  }
}

SURGE_EACH_SET
void float_signs(const float* x, float scale, int64_t count, float* out) {
  for (int64_t i = 0; i < count; i++) out[i] = x[i] >= 0.0f ? scale : -scale;
}

SURGE_EACH_SET
void add_scaled(const float* b, const float* a, float factor, int64_t count, float* out) {
  if (factor == 0.0f) {
    std::copy(b, b + count, out);
    return;
  }
  for (int64_t i = 0; i < count; i++) out[i] = b[i] + factor * a[i];
}

SURGE_EACH_SET
void to_planes(const float* x, int64_t pixels, int64_t channels, float* out) {
  constexpr int64_t kBlock = 16;
  for (int64_t p = 0; p < pixels; p += kBlock) {
    const int64_t n = std::min(kBlock, pixels - p);
    const float* from = x + p * channels;
    float* to = out + p;
    if (n < kBlock) {
      for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < n; i++) to[c * pixels + i] = from[i * channels + c];
      continue;
    }
    for (int64_t c = 0; c < channels; c++)
      for (int64_t i = 0; i < kBlock; i++) to[c * pixels + i] = from[i * channels + c];
  }
}

}  // namespace surge
