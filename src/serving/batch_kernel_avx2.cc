// Compiled for AVX2, called only where the processor has it.
#include <immintrin.h>

#include "serving/batch_kernel_body.h"

namespace keelson::serving {
namespace {

struct Avx2 {
  static constexpr std::size_t kLanes = 32;
  static constexpr std::size_t kKeys = 8;
  static constexpr std::uint8_t kFlip = 0x80;  // AVX2 compares signed bytes only
  using Bytes = __m256i;

  static Bytes Above(const std::uint8_t* plane, std::uint32_t threshold) {
    return _mm256_cmpgt_epi8(_mm256_load_si256(reinterpret_cast<const __m256i*>(plane)),
                             _mm256_set1_epi32(static_cast<int>(threshold)));
  }
  static Bytes Select(Bytes which, Bytes right, Bytes left) { return _mm256_blendv_epi8(left, right, which); }
  static Bytes Push(Bytes index, Bytes bit) { return _mm256_sub_epi8(_mm256_add_epi8(index, index), bit); }
  static Bytes Zero() { return _mm256_setzero_si256(); }
  static void Store(std::uint8_t* to, Bytes bytes) { _mm256_store_si256(reinterpret_cast<__m256i*>(to), bytes); }
  static unsigned CountAtOrBelow(const float* keys, float value) {
    const __m256 below = _mm256_cmp_ps(_mm256_load_ps(keys), _mm256_set1_ps(value), _CMP_LE_OQ);
    return static_cast<unsigned>(__builtin_popcount(static_cast<unsigned>(_mm256_movemask_ps(below))));
  }
  static void Narrow(const std::uint16_t* codes, std::uint16_t base, std::uint8_t* to) {
    const __m256i less = _mm256_set1_epi16(static_cast<short>(base));
    const __m256i most = _mm256_set1_epi16(255);
    const auto* from = reinterpret_cast<const __m256i*>(codes);
    const __m256i low = _mm256_min_epu16(_mm256_subs_epu16(_mm256_load_si256(from), less), most);
    const __m256i high = _mm256_min_epu16(_mm256_subs_epu16(_mm256_load_si256(from + 1), less), most);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xD8);
    Store(to, _mm256_xor_si256(packed, _mm256_set1_epi8(static_cast<char>(kFlip))));
  }
  template <unsigned kDepth>
  static void AddLeaves(Bytes index, const float* leaves, float* sums) {
    AddEight<kDepth>(_mm256_castsi256_si128(index), leaves, sums);
    AddEight<kDepth>(_mm_srli_si128(_mm256_castsi256_si128(index), 8), leaves, sums + 8);
    AddEight<kDepth>(_mm256_extracti128_si256(index, 1), leaves, sums + 16);
    AddEight<kDepth>(_mm_srli_si128(_mm256_extracti128_si256(index, 1), 8), leaves, sums + 24);
  }
  template <unsigned kDepth>
  static void AddLeaves(Bytes index, const double* leaves, double* sums) {
    alignas(32) std::uint8_t places[kLanes];
    Store(places, index);
    for (std::size_t row = 0; row < kLanes; row += 4) {
      int four = 0;
      __builtin_memcpy(&four, places + row, sizeof(four));
      const __m256d values = _mm256_i32gather_pd(leaves, _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)), 8);
      _mm256_store_pd(sums + row, _mm256_add_pd(_mm256_load_pd(sums + row), values));
    }
  }

 private:
  template <unsigned kDepth>
  static void AddEight(__m128i index, const float* leaves, float* sums) {
    const __m256i places = _mm256_cvtepu8_epi32(index);
    __m256 values;
    if constexpr (kDepth <= 3) {
      values = _mm256_permutevar8x32_ps(_mm256_load_ps(leaves), places);
    } else {
      values = _mm256_i32gather_ps(leaves, places, 4);
    }
    _mm256_store_ps(sums, _mm256_add_ps(_mm256_load_ps(sums), values));
  }
};

}  // namespace

const BatchKernel kAvx2Kernel = kBodyOf<Avx2>;

}  // namespace keelson::serving
