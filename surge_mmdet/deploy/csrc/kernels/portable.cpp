// Any processor: popcounts of 32-bit words, the reference of all other kernels.
#include <cmath>

#include "table.h"
#include "words.h"

namespace surge {
namespace {

struct Simd {
  static constexpr int N = 1, kVectors = 4;
  static float set(float v) { return v; }
  static float load(const float* p) { return *p; }
  static void store(float* p, float v) { *p = v; }
  static float from_int(const int32_t* p) { return static_cast<float>(*p); }
  static float add(float a, float b) { return a + b; }
  static float fma(float a, float b, float c) { return std::fmaf(a, b, c); }
  // As the vector instructions: the second operand where a value is NaN.
  static float max(float a, float b) { return a > b ? a : b; }
  static float min(float a, float b) { return a < b ? a : b; }
  static float max_or_nan(float a, float b) { return a != a || a > b ? a : b; }
  static uint32_t at_least(float a, float b) { return a >= b; }
};

struct Core : Words<kPanel> {
  static constexpr int kUnits = 2;

  static void compute(const Plan& plan, const Cell* const* source, const uint8_t* weights,
                      int32_t (*counts)[kPanel]) {
    const Runs runs = Runs::of<Core>(plan);
    std::memset(counts, 0, kUnits * kPanel * sizeof(int32_t));
    const auto* w = reinterpret_cast<const uint32_t*>(weights);
    for (int64_t r = 0; r < runs.rows; r++)
      for (int64_t t = 0; t < runs.taps; t++)
        for (int64_t j = 0; j < runs.length; j++, w += kPanel)
          for (int u = 0; u < kUnits; u++) {
            const uint32_t a = source[u][r * runs.row_step + t * runs.tap_step + j];
            for (int lane = 0; lane < kPanel; lane++)
              counts[u][lane] += __builtin_popcount(a ^ w[lane]);
          }
  }
};

bool supported() { return true; }

}  // namespace

extern const Kernel kPortable;
const Kernel kPortable = kernel_of<Core, Simd>("portable", supported);

}  // namespace surge
