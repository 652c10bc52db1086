// ARM NEON: exclusive or, count of bits per byte, add; 4 outputs of 32 channels per vector.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "table.h"
#include "words.h"

namespace surge {
namespace {

struct Simd {
  static constexpr int N = 4, kVectors = 4;
  static float32x4_t set(float v) { return vdupq_n_f32(v); }
  static float32x4_t load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, float32x4_t v) { vst1q_f32(p, v); }
  static float32x4_t from_int(const int32_t* p) { return vcvtq_f32_s32(vld1q_s32(p)); }
  static float32x4_t add(float32x4_t a, float32x4_t b) { return vaddq_f32(a, b); }
  static float32x4_t fma(float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, b); }
  static float32x4_t max(float32x4_t a, float32x4_t b) { return vmaxq_f32(a, b); }
  static float32x4_t min(float32x4_t a, float32x4_t b) { return vminq_f32(a, b); }
  static float32x4_t max_or_nan(float32x4_t a, float32x4_t b) { return vmaxq_f32(a, b); }
  static uint32_t at_least(float32x4_t a, float32x4_t b) {
    const uint32x4_t bits = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgeq_f32(a, b), bits));
  }
};

struct Core : Words<16> {  // outputs of one pass: 4 vectors
  static constexpr int kUnits = 4;
  static constexpr int64_t kChunk = 31;  // words before a byte overflows: 31 * 8 < 256

  // Adds n <= kChunk words of one pass to the counts; weights are [word][kLanes].
  static void chunk(const Cell* const* at, const uint32_t* w, int64_t n, int32_t (*counts)[kPanel],
                    int pass) {
    const uint8x16_t zero = vdupq_n_u8(0);
    uint8x16_t sums[kUnits][4];
    for (auto& unit : sums)
      for (auto& vector : unit) vector = zero;
    for (int64_t j = 0; j < n; j++, w += kLanes)
      for (int v = 0; v < 4; v++) {
        const uint8x16_t weights = vreinterpretq_u8_u32(vld1q_u32(w + 4 * v));
        for (int u = 0; u < kUnits; u++) {
          const uint8x16_t a = vreinterpretq_u8_u32(vdupq_n_u32(at[u][j]));
          sums[u][v] = vaddq_u8(sums[u][v], vcntq_u8(veorq_u8(a, weights)));
        }
      }
    for (int u = 0; u < kUnits; u++)
      for (int v = 0; v < 4; v++) {
        int32_t* to = counts[u] + pass * kLanes + 4 * v;
        const int32x4_t more = vreinterpretq_s32_u32(vpaddlq_u16(vpaddlq_u8(sums[u][v])));
        vst1q_s32(to, vaddq_s32(vld1q_s32(to), more));
      }
  }

  static void compute(const Plan& plan, const Cell* const* source, const uint8_t* weights,
                      int32_t (*counts)[kPanel]) {
    const Runs runs = Runs::of<Core>(plan);
    std::memset(counts, 0, kUnits * kPanel * sizeof(int32_t));
    const auto* w = reinterpret_cast<const uint32_t*>(weights);
    for (int pass = 0; pass < kPanel / kLanes; pass++)
      for (int64_t r = 0; r < runs.rows; r++)
        for (int64_t t = 0; t < runs.taps; t++)
          for (int64_t j = 0; j < runs.length; j += kChunk) {
            const int64_t n = runs.length - j < kChunk ? runs.length - j : kChunk;
            const Cell* at[kUnits];
            for (int u = 0; u < kUnits; u++)
              at[u] = source[u] + r * runs.row_step + t * runs.tap_step + j;
            chunk(at, w, n, counts, pass);
            w += n * kLanes;
          }
  }
};

bool supported() { return true; }  // every aarch64 processor has NEON

}  // namespace

extern const Kernel kNeon;
const Kernel kNeon = kernel_of<Core, Simd>("neon", supported);

}  // namespace surge
#endif
