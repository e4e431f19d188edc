// Compiled for AVX2 and BMI2, called only where the processor has them.
#include <immintrin.h>

#include "serving/row_kernel_body.h"

namespace keelson::serving {
namespace {

struct Avx2 {
  static constexpr std::size_t kKeys = 8;
  static constexpr std::size_t kPlanes = 64;
  static constexpr std::size_t kFewPlanes = 32;
  static constexpr std::uint8_t kFlip = 0x80;  // AVX2 compares signed bytes only
  struct Bytes {
    __m256i low;
    __m256i high;
  };

  // Sixteen planes a register, in both of its halves. A lookup takes the low four bits of a number and gives zero where
  // the number's highest bit is set: so the sixteens of the number choose the register.
  template <std::size_t kCount>
  struct Table {
    explicit Table(const std::uint8_t* bytes) {
      for (unsigned i = 0; i < kCount / 16; ++i) {
        sixteen[i] = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes) + i));
      }
    }
    Bytes At(const std::uint8_t* nodes) const {
      const auto* planes = reinterpret_cast<const __m256i*>(nodes);
      return {Find(_mm256_load_si256(planes)), Find(_mm256_load_si256(planes + 1))};
    }
    __m256i Find(__m256i planes) const {
      __m256i found = _mm256_setzero_si256();
#pragma GCC unroll 4
      for (unsigned i = 0; i < kCount / 16; ++i) {
        const __m256i other = _mm256_xor_si256(planes, _mm256_set1_epi8(static_cast<char>(16 * i)));
        const __m256i place = _mm256_adds_epu8(other, _mm256_set1_epi8(0x70));
        found = _mm256_or_si256(found, _mm256_shuffle_epi8(sixteen[i], place));
      }
      return found;
    }
    __m256i sixteen[kCount / 16];
  };

  static std::uint64_t Above(const Bytes& bytes, const std::uint8_t* thresholds) {
    const auto* each = reinterpret_cast<const __m256i*>(thresholds);
    return Mask(_mm256_cmpgt_epi8(bytes.low, _mm256_load_si256(each)),
                _mm256_cmpgt_epi8(bytes.high, _mm256_load_si256(each + 1)));
  }
  static std::uint64_t Set(const Bytes& bytes) { return Mask(bytes.low, bytes.high); }  // all ones or zero
  static unsigned CountAtOrBelow(const float* keys, float value) {
    const __m256 below = _mm256_cmp_ps(_mm256_load_ps(keys), _mm256_set1_ps(value), _CMP_LE_OQ);
    return static_cast<unsigned>(__builtin_popcount(static_cast<unsigned>(_mm256_movemask_ps(below))));
  }

 private:
  static std::uint64_t Mask(__m256i low, __m256i high) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
  }
};

}  // namespace

const RowKernel kAvx2RowKernel = kRowBodyOf<Avx2>;

}  // namespace keelson::serving
