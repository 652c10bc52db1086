// AVX-512 with VPOPCNTDQ: xor, popcount, add on 16 outputs of 32 channels each.
#if defined(__x86_64__)
// Standard headers first: the target below is for this file's own functions only.
#include "bconv.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <vector>
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx2,fma,bmi2,popcnt")
#include "nms.h"
#include "quantize.h"
#include "roi_align.h"
#include "simd_avx512.h"
#include "words.h"

namespace surge {
namespace {

struct Core : Words<kPanel> {
  static constexpr int kUnits = 6;

  // Named accumulators: gcc spills arrays of them.
  static void compute(const Plan& plan, const Cell* const* source, const uint8_t* weights,
                      int32_t (*counts)[kPanel]) {
    const Runs runs = Runs::of<Core>(plan);
    const auto* w = reinterpret_cast<const uint32_t*>(weights);
    const __m512i zero = _mm512_setzero_si512();
#define SURGE_DEFINE(u) __m512i c##u##0 = zero, c##u##1 = zero, c##u##2 = zero, c##u##3 = zero;
    SURGE_DEFINE(0) SURGE_DEFINE(1) SURGE_DEFINE(2) SURGE_DEFINE(3) SURGE_DEFINE(4) SURGE_DEFINE(5)
    for (int64_t r = 0; r < runs.rows; r++)
      for (int64_t t = 0; t < runs.taps; t++) {
        const int64_t at = r * runs.row_step + t * runs.tap_step;
        const Cell *p0 = source[0] + at, *p1 = source[1] + at, *p2 = source[2] + at,
                   *p3 = source[3] + at, *p4 = source[4] + at, *p5 = source[5] + at;
        for (int64_t j = 0; j < runs.length; j++, w += kPanel) {
          const __m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 16),
                        w2 = _mm512_load_si512(w + 32), w3 = _mm512_load_si512(w + 48);
#define SURGE_COUNT(u, v) \
  c##u##v = _mm512_add_epi32(c##u##v, _mm512_popcnt_epi32(_mm512_xor_si512(a, w##v)));
#define SURGE_UNIT(u)                                 \
  {                                                   \
    const __m512i a = _mm512_set1_epi32(p##u[j]);     \
    SURGE_COUNT(u, 0) SURGE_COUNT(u, 1) SURGE_COUNT(u, 2) SURGE_COUNT(u, 3) \
  }
          SURGE_UNIT(0) SURGE_UNIT(1) SURGE_UNIT(2) SURGE_UNIT(3) SURGE_UNIT(4) SURGE_UNIT(5)
        }
      }
#define SURGE_STORE(u)                              \
  _mm512_store_si512(counts[u], c##u##0);           \
  _mm512_store_si512(counts[u] + 16, c##u##1);      \
  _mm512_store_si512(counts[u] + 32, c##u##2);      \
  _mm512_store_si512(counts[u] + 48, c##u##3);
    SURGE_STORE(0) SURGE_STORE(1) SURGE_STORE(2) SURGE_STORE(3) SURGE_STORE(4) SURGE_STORE(5)
#undef SURGE_DEFINE
#undef SURGE_COUNT
#undef SURGE_UNIT
#undef SURGE_STORE
  }
};

}  // namespace

#pragma GCC pop_options
namespace {
bool supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vpopcntdq");
}
}  // namespace

extern const Kernel kAvx512Popcount;
const Kernel kAvx512Popcount = {
    "avx512-popcount", supported, pack<Simd>, roi_align<Simd>, quantize, nms<Simd>,    Core::weight_bytes, Core::pack_weights,
    scratch_bytes<Core>, expand<Core>, tiles<Core>, run<Core, Simd>};

}  // namespace surge
#endif
