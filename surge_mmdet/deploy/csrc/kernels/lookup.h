// Products looked up instead of counted, for instruction sets with a byte shuffle.
//
// A nibble holds 4 channels. For a nibble i of the activations, the 16 bytes
//     table[i][j] = popcount(i ^ j)
// are one shuffle away from the differences with 16, 32 or 64 weights' nibbles j. A byte of the
// table has room for two pixels: low half for this output's input, high half for that of its right
// neighbour. Three lookups are added before a half can overflow (3 * 4 < 16), then split; after 63
// nibbles (21 * 12 < 256) the bytes are widened.
#pragma once
#include <immintrin.h>

#include <cstring>

#include "driver.h"

namespace surge {
namespace {

constexpr int kChunk = 63;         // nibbles before bytes overflow
constexpr int64_t kWiden = 16000;  // nibbles before 16 bits overflow: 4 * 16063 < 65536

struct alignas(64) Tables {
  uint8_t entry[256][16];
  Tables() {
    for (int i = 0; i < 256; i++)
      for (int j = 0; j < 16; j++)
        entry[i][j] = static_cast<uint8_t>(__builtin_popcount((i & 15) ^ j) +
                                           16 * __builtin_popcount((i >> 4) ^ j));
  }
};

inline const uint8_t* tables() {
  static const Tables all;
  return all.entry[0];
}

// 8 table offsets: the nibbles of both words side by side, times 16.
inline __m256i pair_offsets(uint32_t own, uint32_t next) {
  const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
  const __m256i low = _mm256_set1_epi32(15);
  const __m256i a = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(own), shifts), low);
  const __m256i b = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(next), shifts), low);
  return _mm256_or_si256(_mm256_slli_epi32(a, 4), _mm256_slli_epi32(b, 8));
}

// Adds n <= kChunk lookups of kUnits pairs of pixels. Named accumulators: gcc spills arrays of them.
template <class Bytes>
inline void add_lookups(const uint8_t* table, const uint16_t* const* at, const uint8_t* weights,
                        int64_t n, uint16_t (*sums)[Bytes::kLanes]) {
  using V = typename Bytes::Vector;
  static_assert(Bytes::kUnits == 4 || Bytes::kUnits == 6, "units are named");
  constexpr bool six = Bytes::kUnits == 6;
  constexpr int lanes = Bytes::kLanes;
  const uint16_t *p0 = at[0], *p1 = at[1], *p2 = at[2], *p3 = at[3], *p4 = at[six ? 4 : 0],
                 *p5 = at[six ? 5 : 0];
#define SURGE_DEFINE(u) V l##u = Bytes::zero(), h##u = Bytes::zero();
#define SURGE_SPLIT(u, lookups)                     \
  {                                                 \
    const V s = lookups;                            \
    l##u = Bytes::add(l##u, Bytes::low_half(s));    \
    h##u = Bytes::add(h##u, Bytes::high_half(s));   \
  }
#define SURGE_ONE(u) SURGE_SPLIT(u, Bytes::look(table, p##u[j], w0))
#define SURGE_THREE(u)                                                                      \
  SURGE_SPLIT(u, Bytes::add(Bytes::add(Bytes::look(table, p##u[j], w0),                     \
                                       Bytes::look(table, p##u[j + 1], w1)),                \
                            Bytes::look(table, p##u[j + 2], w2)))
#define SURGE_WIDEN(u)               \
  Bytes::widen(sums[2 * u], l##u);   \
  Bytes::widen(sums[2 * u + 1], h##u);
#define SURGE_ALL(f)                 \
  f(0) f(1) f(2) f(3) if constexpr (six) { f(4) f(5) }
  SURGE_DEFINE(0) SURGE_DEFINE(1) SURGE_DEFINE(2) SURGE_DEFINE(3) SURGE_DEFINE(4) SURGE_DEFINE(5)
  int64_t j = 0;
#pragma GCC unroll 1
  for (; j + 3 <= n; j += 3, weights += 3 * lanes) {
    const V w0 = Bytes::load(weights), w1 = Bytes::load(weights + lanes),
            w2 = Bytes::load(weights + 2 * lanes);
    SURGE_ALL(SURGE_THREE)
  }
  for (; j < n; j++, weights += lanes) {
    const V w0 = Bytes::load(weights);
    SURGE_ALL(SURGE_ONE)
  }
  SURGE_ALL(SURGE_WIDEN)
#undef SURGE_DEFINE
#undef SURGE_SPLIT
#undef SURGE_ONE
#undef SURGE_THREE
#undef SURGE_WIDEN
#undef SURGE_ALL
}

// One Core for all widths. `Bytes` has kLanes bytes (outputs of one pass), kUnits pairs, offsets()
// and what add_lookups needs: Vector, zero, load, add, low_half, high_half, look, widen.
template <class Bytes>
struct Lookup {
  static constexpr int kUnits = Bytes::kUnits, kPixels = 2, kSlack = 0;
  static constexpr int kPasses = kPanel / Bytes::kLanes;
  using Cell = uint16_t;  // byte offset into the tables
  static int64_t cells(const Geometry& g) { return g.words() * 8; }
  static int64_t steps(const Geometry& g) { return g.kernel_h * g.kernel_w * cells(g); }
  static size_t panel_bytes(const Geometry& g) { return steps(g) * kPanel; }

  static void row(const Plan& plan, const uint32_t* bits, Cell* cells) {
    const Geometry& g = plan.g;
    const int64_t words = g.pixel_words();
    if (!bits) {
      std::memset(cells, 0, plan.padded_w * words * 8 * sizeof(Cell));
      return;
    }
    for (int64_t x = -g.pad_w; x < g.width + g.pad_w; x++) {
      const int64_t right = x + g.stride_w;
      const uint32_t* own = x >= 0 && x < g.width ? bits + x * words : nullptr;
      const uint32_t* next = right >= 0 && right < g.width ? bits + right * words : nullptr;
      for (int64_t w = 0; w < words; w++, cells += 8)
        Bytes::offsets(own ? own[w] : 0u, next ? next[w] : 0u, cells);
    }
  }

  static void compute(const Plan& plan, const Cell* const* source, const uint8_t* weights,
                      int32_t (*counts)[kPanel]) {
    const Runs runs = Runs::of<Lookup>(plan);
    const uint8_t* table = tables();
    for (int pass = 0; pass < kPasses; pass++) {
      alignas(64) uint16_t sums[kUnits * 2][Bytes::kLanes];
      std::memset(sums, 0, sizeof(sums));
      int64_t held = 0;
      bool first = true;
      for (int64_t r = 0; r < runs.rows; r++)
        for (int64_t t = 0; t < runs.taps; t++)
          for (int64_t j = 0; j < runs.length; j += kChunk) {
            const int64_t n = runs.length - j < kChunk ? runs.length - j : kChunk;
            const Cell* at[kUnits];
            for (int u = 0; u < kUnits; u++)
              at[u] = source[u] + r * runs.row_step + t * runs.tap_step + j;
            add_lookups<Bytes>(table, at, weights, n, sums);
            weights += n * Bytes::kLanes;
            held += n;
            if (held > kWiden) {
              widen(sums, counts, pass, first);
              std::memset(sums, 0, sizeof(sums));
              held = 0;
              first = false;
            }
          }
      widen(sums, counts, pass, first);
    }
  }

  static void widen(const uint16_t (*sums)[Bytes::kLanes], int32_t (*counts)[kPanel], int pass,
                    bool first) {
    for (int u = 0; u < kUnits * 2; u++) {
      int32_t* to = counts[u] + pass * Bytes::kLanes;
      for (int lane = 0; lane < Bytes::kLanes; lane++)
        to[lane] = (first ? 0 : to[lane]) + sums[u][lane];
    }
  }

  static size_t weight_bytes(const Geometry& g) {
    return g.groups * ((g.out_group() + kPanel - 1) / kPanel) * panel_bytes(g);
  }

  // [panel][pass][nibble][byte]; even bytes are widened apart from odd ones, so the first half of
  // the outputs stands at even places.
  static void pack_weights(const Geometry& g, const uint32_t* bits, uint8_t* dst) {
    constexpr int lanes = Bytes::kLanes;
    each_weight_word(g, bits, [&](int64_t panel, int64_t step, int64_t lane, uint32_t word) {
      const int64_t pass = lane / lanes, inner = lane % lanes;
      const int64_t place = inner < lanes / 2 ? 2 * inner : 2 * (inner - lanes / 2) + 1;
      uint8_t* to = dst + panel * panel_bytes(g) + pass * steps(g) * lanes + place;
      for (int64_t k = 0; k < 8; k++) to[(step * 8 + k) * lanes] = (word >> (4 * k)) & 15;
    });
  }
};

}  // namespace
}  // namespace surge
