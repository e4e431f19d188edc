// Compiled for AVX-512 (F, BW, VL, DQ), called only where the processor has it.
#include <immintrin.h>

#include "serving/batch_kernel_body.h"

namespace keelson::serving {
namespace {

struct Avx512 {
  static constexpr std::size_t kLanes = 64;
  static constexpr std::size_t kKeys = 16;
  static constexpr std::uint8_t kFlip = 0;
  using Bytes = __m512i;

  static Bytes Above(const std::uint8_t* plane, std::uint32_t threshold) {
    return _mm512_movm_epi8(
        _mm512_cmpgt_epu8_mask(_mm512_load_si512(plane), _mm512_set1_epi32(static_cast<int>(threshold))));
  }
  static Bytes Select(Bytes which, Bytes right, Bytes left) {
    return _mm512_ternarylogic_epi64(which, right, left, 0xCA);
  }
  static Bytes Push(Bytes index, Bytes bit) { return _mm512_sub_epi8(_mm512_add_epi8(index, index), bit); }
  static Bytes Zero() { return _mm512_setzero_si512(); }
  static void Store(std::uint8_t* to, Bytes bytes) { _mm512_store_si512(to, bytes); }
  static unsigned CountAtOrBelow(const float* keys, float value) {
    return static_cast<unsigned>(
        __builtin_popcount(_mm512_cmp_ps_mask(_mm512_load_ps(keys), _mm512_set1_ps(value), _CMP_LE_OQ)));
  }
  static void Narrow(const std::uint16_t* codes, std::uint16_t base, std::uint8_t* to) {
    const __m512i less = _mm512_set1_epi16(static_cast<short>(base));
    const __m512i low = _mm512_subs_epu16(_mm512_load_si512(codes), less);
    const __m512i high = _mm512_subs_epu16(_mm512_load_si512(codes + 32), less);
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtusepi16_epi8(low));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to) + 1, _mm512_cvtusepi16_epi8(high));
  }
  template <unsigned kDepth>
  static void AddLeaves(Bytes index, const float* leaves, float* sums) {
    AddSixteen<kDepth>(_mm512_castsi512_si128(index), leaves, sums);
    AddSixteen<kDepth>(_mm512_extracti32x4_epi32(index, 1), leaves, sums + 16);
    AddSixteen<kDepth>(_mm512_extracti32x4_epi32(index, 2), leaves, sums + 32);
    AddSixteen<kDepth>(_mm512_extracti32x4_epi32(index, 3), leaves, sums + 48);
  }
  template <unsigned kDepth>
  static void AddLeaves(Bytes index, const double* leaves, double* sums) {
    AddEights<kDepth>(_mm512_castsi512_si128(index), leaves, sums);
    AddEights<kDepth>(_mm512_extracti32x4_epi32(index, 1), leaves, sums + 16);
    AddEights<kDepth>(_mm512_extracti32x4_epi32(index, 2), leaves, sums + 32);
    AddEights<kDepth>(_mm512_extracti32x4_epi32(index, 3), leaves, sums + 48);
  }

 private:
  template <unsigned kDepth>
  static void AddEights(__m128i index, const double* leaves, double* sums) {
    AddEight<kDepth>(_mm512_cvtepu8_epi64(index), leaves, sums);
    AddEight<kDepth>(_mm512_cvtepu8_epi64(_mm_srli_si128(index, 8)), leaves, sums + 8);
  }
  // By permutations, which the gathers of many processors take longer than.
  template <unsigned kDepth>
  static void AddEight(__m512i places, const double* leaves, double* sums) {
    __m512d values;
    if constexpr (kDepth <= 3) {
      values = _mm512_permutexvar_pd(places, _mm512_load_pd(leaves));
    } else if constexpr (kDepth == 4) {
      values = Of16(places, leaves);
    } else if constexpr (kDepth == 5) {
      values = Of32(places, leaves);
    } else {
      values = _mm512_mask_blend_pd(_mm512_test_epi64_mask(places, _mm512_set1_epi64(32)), Of32(places, leaves),
                                    Of32(places, leaves + 32));
    }
    _mm512_store_pd(sums, _mm512_add_pd(_mm512_load_pd(sums), values));
  }
  static __m512d Of16(__m512i places, const double* leaves) {
    return _mm512_permutex2var_pd(_mm512_load_pd(leaves), places, _mm512_load_pd(leaves + 8));
  }
  static __m512d Of32(__m512i places, const double* leaves) {
    return _mm512_mask_blend_pd(_mm512_test_epi64_mask(places, _mm512_set1_epi64(16)), Of16(places, leaves),
                                Of16(places, leaves + 16));
  }
  template <unsigned kDepth>
  static void AddSixteen(__m128i index, const float* leaves, float* sums) {
    const __m512i places = _mm512_cvtepu8_epi32(index);
    __m512 values;
    if constexpr (kDepth <= 4) {
      values = _mm512_permutexvar_ps(places, _mm512_load_ps(leaves));
    } else if constexpr (kDepth == 5) {
      values = _mm512_permutex2var_ps(_mm512_load_ps(leaves), places, _mm512_load_ps(leaves + 16));
    } else {
      const __m512 low = _mm512_permutex2var_ps(_mm512_load_ps(leaves), places, _mm512_load_ps(leaves + 16));
      const __m512 high = _mm512_permutex2var_ps(_mm512_load_ps(leaves + 32), places, _mm512_load_ps(leaves + 48));
      values = _mm512_mask_blend_ps(_mm512_test_epi32_mask(places, _mm512_set1_epi32(32)), low, high);
    }
    _mm512_store_ps(sums, _mm512_add_ps(_mm512_load_ps(sums), values));
  }
};

}  // namespace

const BatchKernel kAvx512Kernel = kBodyOf<Avx512>;

}  // namespace keelson::serving
