// AVX2: 32 outputs of 2 pixels per lookup.
#if defined(__x86_64__)
// Standard headers first: the target below is for this file's own functions only.
#include "bconv.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <vector>
#pragma GCC push_options
#pragma GCC target("avx2,fma,popcnt")
#include "lookup.h"
#include "table.h"

namespace surge {
namespace {

struct Simd {
  static constexpr int N = 8, kVectors = 2;
  static __m256 set(float v) { return _mm256_set1_ps(v); }
  static __m256 load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, __m256 v) { _mm256_storeu_ps(p, v); }
  static __m256 from_int(const int32_t* p) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m256 add(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
  static __m256 fma(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
  static __m256 max(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
  static __m256 min(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
  static __m256 max_or_nan(__m256 a, __m256 b) {
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  }
  static uint32_t at_least(__m256 a, __m256 b) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
  }
};

struct Bytes {
  static constexpr int kLanes = 32, kUnits = 4;
  using Vector = __m256i;

  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector load(const uint8_t* p) {
    return _mm256_load_si256(reinterpret_cast<const Vector*>(p));
  }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi8(a, b); }
  static Vector low_half(Vector v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
  static Vector high_half(Vector v) { return low_half(_mm256_srli_epi16(v, 4)); }

  static void offsets(uint32_t own, uint32_t next, uint16_t* to) {
    const __m256i v = pair_offsets(own, next);
    const __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), packed);
  }

  static Vector look(const uint8_t* table, uint16_t offset, Vector w) {
    const auto* entry = reinterpret_cast<const __m128i*>(table + offset);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_load_si128(entry)), w);
  }

  static void widen(uint16_t* to, Vector bytes) {
    auto* p = reinterpret_cast<__m256i*>(to);
    const __m256i even = _mm256_and_si256(bytes, _mm256_set1_epi16(0xff));
    const __m256i odd = _mm256_srli_epi16(bytes, 8);
    _mm256_store_si256(p, _mm256_add_epi16(_mm256_load_si256(p), even));
    _mm256_store_si256(p + 1, _mm256_add_epi16(_mm256_load_si256(p + 1), odd));
  }
};

struct Dot {
  static constexpr int kN = 8, kMost = 63;
  static __m256i start(const int32_t* p) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
  static __m256i four(const uint8_t* p) {
    int32_t word;
    std::memcpy(&word, p, sizeof word);
    return _mm256_set1_epi32(word);
  }
  static __m256i weights(const int8_t* p) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
  }
  static __m256i add(__m256i sum, __m256i x, __m256i w) {
    const __m256i pairs = _mm256_maddubs_epi16(x, w);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static void store(int32_t* p, __m256i v) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(p), v);
  }
};

using Core = Lookup<Bytes>;

}  // namespace

#pragma GCC pop_options
namespace {
bool supported() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
}  // namespace

extern const Kernel kAvx2;
const Kernel kAvx2 = kernel_of<Core, Simd, Dot>("avx2", supported);

}  // namespace surge
#endif
