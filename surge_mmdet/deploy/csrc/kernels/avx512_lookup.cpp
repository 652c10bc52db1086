// AVX-512BW: 64 outputs of 2 pixels per lookup, where the processor cannot count bits of vectors.
#if defined(__x86_64__)
// Standard headers first: the target below is for this file's own functions only.
#include "bconv.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <vector>
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,popcnt")
#include "lookup.h"
#include "simd_avx512.h"
#include "table.h"

namespace surge {
namespace {

struct Bytes {
  static constexpr int kLanes = 64, kUnits = 6;
  using Vector = __m512i;

  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector load(const uint8_t* p) { return _mm512_load_si512(p); }
  static Vector add(Vector a, Vector b) { return _mm512_add_epi8(a, b); }
  static Vector low_half(Vector v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
  static Vector high_half(Vector v) { return low_half(_mm512_srli_epi16(v, 4)); }

  static void offsets(uint32_t own, uint32_t next, uint16_t* to) {
    const __m256i v = pair_offsets(own, next);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtepi32_epi16(v));
  }

  static Vector look(const uint8_t* table, uint16_t offset, Vector w) {
    const auto* entry = reinterpret_cast<const __m128i*>(table + offset);
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_load_si128(entry)), w);
  }

  static void widen(uint16_t* to, Vector bytes) {
    const __m512i even = _mm512_and_si512(bytes, _mm512_set1_epi16(0xff));
    const __m512i odd = _mm512_srli_epi16(bytes, 8);
    _mm512_store_si512(to, _mm512_add_epi16(_mm512_load_si512(to), even));
    _mm512_store_si512(to + 32, _mm512_add_epi16(_mm512_load_si512(to + 32), odd));
  }
};

struct Dot : Dot512 {
  static constexpr int kMost = 63;
  static __m512i add(__m512i sum, __m512i x, __m512i w) {
    const __m512i pairs = _mm512_maddubs_epi16(x, w);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
};

using Core = Lookup<Bytes>;

}  // namespace

#pragma GCC pop_options
namespace {
bool supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
}  // namespace

extern const Kernel kAvx512Lookup;
const Kernel kAvx512Lookup = kernel_of<Core, Simd, Dot>("avx512-lookup", supported);

}  // namespace surge
#endif
