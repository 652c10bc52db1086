// AVX-512 that counts bits (VPOPCNTDQ, BITALG, VNNI): 16 outputs of 32 channels each.
#if defined(__x86_64__)
// Standard headers first: the target below is for this file's own functions only.
#include "bconv.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <vector>
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,avx512bitalg,avx512vnni,avx2,fma,bmi2,popcnt")
#include "simd_avx512.h"
#include "table.h"
#include "words.h"

namespace surge {
namespace {

// Three words at a time. x + y + z bits are those of x ^ y ^ z and twice those of the majority:
// two popcounts instead of three. x ^ y ^ z needs no operation of its own but one, since
// (a1 ^ w1) ^ (a2 ^ w2) ^ (a3 ^ w3) = (a1 ^ a2 ^ a3) ^ (w1 ^ w2 ^ w3), and both sums are made
// before: the third word of the weights, and of the activations, is replaced by the sum.
struct Triple {
  uint32_t word, sum;  // of this cell; of this one and the next two
};

struct Dot : Dot512 {
  static constexpr int kMost = 127;
  static __m512i add(__m512i sum, __m512i x, __m512i w) { return _mm512_dpbusd_epi32(sum, x, w); }
};

struct Core : Words<kPanel> {
  static constexpr int kUnits = 6;
  using Cell = Triple;

  static void row(const Plan& plan, const uint32_t* bits, Cell* cells) {
    const int64_t pixel = plan.g.pixel_words(), count = plan.padded_w * pixel;
    std::memset(cells, 0, count * sizeof(Cell));
    if (!bits) return;
    Cell* inside = cells + plan.g.pad_w * pixel;
    for (int64_t i = 0; i < plan.g.width * pixel; i++) inside[i].word = bits[i];
    for (int64_t i = 0; i + 2 < count; i++)
      cells[i].sum = cells[i].word ^ cells[i + 1].word ^ cells[i + 2].word;
  }

  static void pack_weights(const Geometry& g, const uint32_t* bits, uint8_t* dst) {
    Words<kPanel>::pack_weights(g, bits, dst);
    auto* w = reinterpret_cast<uint32_t*>(dst);
    const auto* end = reinterpret_cast<uint32_t*>(dst + weight_bytes(g));
    const int64_t length = Runs::length_of<Core>(g);
    for (; w < end; w += length * kPanel)
      for (int64_t j = 0; j + 3 <= length; j += 3)
        for (int64_t lane = 0; lane < kPanel; lane++) {
          uint32_t* third = w + (j + 2) * kPanel + lane;
          *third ^= third[-kPanel] ^ third[-2 * kPanel];
        }
  }

  static __m512i load(const uint32_t* w) { return _mm512_load_si512(w); }
  static __m512i spread(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  static __m512i count(__m512i to, __m512i bits, __m512i weight) {
    return _mm512_dpbusd_epi32(to, _mm512_popcnt_epi8(bits), weight);
  }

  // Named accumulators: gcc spills arrays of them.
  static void compute(const Plan& plan, const Cell* const* source, const uint8_t* weights,
                      int32_t (*counts)[kPanel]) {
    const Runs runs = Runs::of<Core>(plan);
    const auto* w = reinterpret_cast<const uint32_t*>(weights);
    const __m512i zero = _mm512_setzero_si512();
    const __m512i one = _mm512_set1_epi8(1), two = _mm512_set1_epi8(2);
#define SURGE_ALL(f) f(0) f(1) f(2) f(3) f(4) f(5)
#define SURGE_DEFINE(u) __m512i c##u##0 = zero, c##u##1 = zero, c##u##2 = zero, c##u##3 = zero;
#define SURGE_LANES(f, u) f(u, 0) f(u, 1) f(u, 2) f(u, 3)
#define SURGE_ONE(u, v) \
  c##u##v = count(c##u##v, _mm512_xor_si512(a, load(w + 16 * v)), one);
#define SURGE_THREE(u, v)                                                         \
  {                                                                               \
    const __m512i x = _mm512_xor_si512(a1, load(w + 16 * v)),                     \
                  y = _mm512_xor_si512(a2, load(w + kPanel + 16 * v)),            \
                  s = _mm512_xor_si512(a3, load(w + 2 * kPanel + 16 * v));        \
    c##u##v = count(c##u##v, s, one);                                             \
    c##u##v = count(c##u##v, _mm512_ternarylogic_epi32(x, y, s, 0xD4), two);      \
  }
#define SURGE_UNIT_ONE(u)                         \
  {                                               \
    const __m512i a = spread(p##u[j].word);       \
    SURGE_LANES(SURGE_ONE, u)                     \
  }
#define SURGE_UNIT_THREE(u)                                                          \
  {                                                                                  \
    const __m512i a1 = spread(p##u[j].word), a2 = spread(p##u[j + 1].word),          \
                  a3 = spread(p##u[j].sum);                                          \
    SURGE_LANES(SURGE_THREE, u)                                                      \
  }
#define SURGE_STORE(u, v) _mm512_store_si512(counts[u] + 16 * v, c##u##v);
#define SURGE_STORE_ALL(u) SURGE_LANES(SURGE_STORE, u)
    SURGE_ALL(SURGE_DEFINE)
    for (int64_t r = 0; r < runs.rows; r++)
      for (int64_t t = 0; t < runs.taps; t++) {
        const int64_t at = r * runs.row_step + t * runs.tap_step;
        const Cell *p0 = source[0] + at, *p1 = source[1] + at, *p2 = source[2] + at,
                   *p3 = source[3] + at, *p4 = source[4] + at, *p5 = source[5] + at;
        int64_t j = 0;
        for (; j + 3 <= runs.length; j += 3, w += 3 * kPanel) { SURGE_ALL(SURGE_UNIT_THREE) }
        for (; j < runs.length; j++, w += kPanel) { SURGE_ALL(SURGE_UNIT_ONE) }
      }
    SURGE_ALL(SURGE_STORE_ALL)
#undef SURGE_ALL
#undef SURGE_DEFINE
#undef SURGE_LANES
#undef SURGE_ONE
#undef SURGE_THREE
#undef SURGE_UNIT_ONE
#undef SURGE_UNIT_THREE
#undef SURGE_STORE
#undef SURGE_STORE_ALL
  }
};

}  // namespace

#pragma GCC pop_options
namespace {
bool supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bitalg") &&
         __builtin_cpu_supports("avx512vnni");
}
}  // namespace

extern const Kernel kAvx512Popcount;
const Kernel kAvx512Popcount = kernel_of<Core, Simd, Dot>("avx512-popcount", supported);

}  // namespace surge
#endif
