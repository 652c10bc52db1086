// 16 floats, for the epilogue of both AVX-512 kernels, and 16 sums of their int8 products.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace surge {
namespace {

struct Simd {
  static constexpr int N = 16, kVectors = 4;
  static __m512 set(float v) { return _mm512_set1_ps(v); }
  static __m512 load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, __m512 v) { _mm512_storeu_ps(p, v); }
  static __m512 from_int(const int32_t* p) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(p)); }
  static __m512 add(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
  static __m512 fma(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
  static __m512 max(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
  static __m512 min(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
  static __m512 max_or_nan(__m512 a, __m512 b) {
    return _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
  }
  static uint32_t at_least(__m512 a, __m512 b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
};

struct Dot512 {
  static constexpr int kN = 16;
  static __m512i start(const int32_t* p) { return _mm512_load_si512(p); }
  static __m512i four(const uint8_t* p) {
    int32_t word;
    std::memcpy(&word, p, sizeof word);
    return _mm512_set1_epi32(word);
  }
  static __m512i weights(const int8_t* p) { return _mm512_load_si512(p); }
  static void store(int32_t* p, __m512i v) { _mm512_store_si512(p, v); }
};

}  // namespace
}  // namespace surge
