// qrazor, AVX-512 VNNI: exact integer products with 24-bit fixed-point activations (grouped/fixed_point.h), groups along inputs.
//
// All columns of a chunk share one unit of x, so the sums of a group stay integers: 2^shift is a shift of them by lanes, and only a chunk is
// converted. What the codes' offset adds is taken off before: sums begin with -offset * (sum of digits), which is the same for all rows.
//
// Cost of a group of 8 columns, 16 rows and a row of x: 6 dpbusd; 3 instructions of unpacking (q4), 4 for the shifts, 3 shifts and 3
// additions. Groups of 32 and more cost what q4 does.
#include <immintrin.h>

#include "linear/grouped/avx512vnni.h"
#include "linear/qrazor/codec.h"

namespace {

inline __m512i load_shifts(const uint8_t* line, int shift_bits) {
  uint64_t bits;
  memcpy(&bits, line, 8);
  const __m512i low = _mm512_set1_epi32(int(uint32_t(bits))), high = _mm512_set1_epi32(int(uint32_t(bits >> (8 * shift_bits))));
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i counts = _mm512_mullo_epi32(lane, _mm512_set1_epi32(shift_bits));
  return _mm512_and_si512(_mm512_srlv_epi32(_mm512_mask_mov_epi32(low, 0xff00, high), counts), _mm512_set1_epi32((1 << shift_bits) - 1));
}

void prepare(const qw_qrazor_weight* weight, const qw_qrazor_x* x) {
  const int64_t depth = weight->grouped.depth, chunk = qw_qrazor_chunk(weight), chunks = qw_qrazor_chunks(weight), stride = 3 * x->m;
  for (int64_t i = 0; i < x->m; ++i) {
    for (int64_t c = 0; c < chunks; ++c) {
      const int64_t end = (c + 1) * chunk < depth ? (c + 1) * chunk : depth;
      float ignored;
      split_group(x->values + i * x->ld, c * chunk, end, x->digits + i * 3, stride, x->units + i * chunks + c, &ignored);
    }
    const int32_t* quad = x->digits + i * 3;
    for (int64_t group = 0; group < weight->groups; ++group) {
      __m128i sums = _mm_setzero_si128();  // of h, m and l; the last lane is another row's
      for (int64_t k = 0; k < weight->group_size; k += 4, quad += stride) {
        sums = _mm_dpbusd_epi32(sums, _mm_set1_epi8(1), _mm_loadu_si128(reinterpret_cast<const __m128i*>(quad)));
      }
      sums = _mm_mullo_epi32(sums, _mm_set1_epi32(-weight->code_offset));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(x->offsets + (group * x->m + i) * 4), sums);
    }
  }
}

// Both quads of an eight.
template <int kBits, int kRows>
inline void multiply_eight(__m512i (&even_i32x16)[kRows][3], __m512i (&odd_i32x16)[kRows][3], const uint8_t* codes, int64_t eight,
                           const int32_t* const* digits) {
  __m512i first, second;
  if constexpr (kBits == 8) {
    prefetch_ahead<8>(codes, 2 * eight);
    prefetch_ahead<8>(codes, 2 * eight + 1);
    first = Quads<8>::load(codes, 2 * eight);
    second = Quads<8>::load(codes, 2 * eight + 1);
  } else if constexpr (kBits == 4) {
    prefetch_ahead<4>(codes, eight);
    const __m512i line = Quads<4>::load(codes, eight);
    first = Quads<4>::quad(line, 0);
    second = Quads<4>::quad(line, 1);
  } else {
    if (eight % 2 == 0) prefetch_ahead<kBits>(codes, eight / 2);
    const typename Quads<kBits>::Lines lines = Quads<kBits>::load(codes, eight / 2);
    first = eight % 2 == 0 ? Quads<kBits>::quad(lines, 0) : Quads<kBits>::quad(lines, 2);
    second = eight % 2 == 0 ? Quads<kBits>::quad(lines, 1) : Quads<kBits>::quad(lines, 3);
  }
  multiply_quad<kRows>(even_i32x16, first, digits[0]);
  multiply_quad<kRows>(odd_i32x16, second, digits[1]);
}

template <int kBits, int kRows>
void stream_tile(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, const float* bias, float* y, int64_t ldy, int64_t tile) {
  const int64_t quad_stride = 3 * x->m, groups = weight->groups, eights = weight->group_size / 8, chunks = qw_qrazor_chunks(weight);
  const int64_t chunk_groups = qw_qrazor_chunk(weight) / weight->group_size;
  const int shift_bits = weight->shift_bits;
  const uint8_t* codes = weight->grouped.codes + tile * weight->grouped.tile_bytes;
  const uint8_t* shifts = qw_qrazor_tile_shifts(weight, tile, 0);
  const int32_t* digits = x->digits + first * 3;
  __m512 total_f32x16[kRows];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) total_f32x16[i] = _mm512_setzero_ps();
  for (int64_t c = 0, group = 0, eight = 0; c < chunks; ++c) {
    __m512i chunk_i32x16[kRows][3];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) chunk_i32x16[i][digit] = _mm512_setzero_si512();
    }
    for (const int64_t last = group + chunk_groups < groups ? group + chunk_groups : groups; group < last; ++group, shifts += 2 * shift_bits) {
      __m512i even_i32x16[kRows][3], odd_i32x16[kRows][3];
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
        for (int digit = 0; digit < 3; ++digit) {
          even_i32x16[i][digit] = _mm512_set1_epi32(x->offsets[(group * x->m + first + i) * 4 + digit]);
          odd_i32x16[i][digit] = _mm512_setzero_si512();
        }
      }
      for (const int64_t end = eight + eights; eight < end; ++eight, digits += 2 * quad_stride) {
        const int32_t* const both[2] = {digits, digits + quad_stride};
        // One set of sums hides the latency of dpbusd from three rows on, and two would not fit the registers.
        if constexpr (kRows <= 2) {
          multiply_eight<kBits, kRows>(even_i32x16, odd_i32x16, codes, eight, both);
        } else {
          multiply_eight<kBits, kRows>(even_i32x16, even_i32x16, codes, eight, both);
        }
      }
      const __m512i shift_i32x16 = load_shifts(shifts, shift_bits);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
        for (int digit = 0; digit < 3; ++digit) {
          __m512i sum_i32x16 = even_i32x16[i][digit];
          if constexpr (kRows <= 2) sum_i32x16 = _mm512_add_epi32(sum_i32x16, odd_i32x16[i][digit]);
          chunk_i32x16[i][digit] = _mm512_add_epi32(chunk_i32x16[i][digit], _mm512_sllv_epi32(sum_i32x16, shift_i32x16));
        }
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      __m512 sum_f32x16 = _mm512_setzero_ps();
#pragma GCC unroll 3
      for (int digit = 0; digit < 3; ++digit) {
        sum_f32x16 = _mm512_fmadd_ps(sum_f32x16, _mm512_set1_ps(256.0f), _mm512_cvtepi32_ps(chunk_i32x16[i][digit]));
      }
      total_f32x16[i] = _mm512_fmadd_ps(sum_f32x16, _mm512_set1_ps(x->units[(first + i) * chunks + c]), total_f32x16[i]);
    }
  }
  const __m512 scale_f32x16 = _mm512_load_ps(qw_qrazor_scales(weight, tile));
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) store_tile(&weight->grouped, tile, _mm512_mul_ps(total_f32x16[i], scale_f32x16), bias, y + i * ldy);
}

void stream(const qw_qrazor_weight* weight, const qw_qrazor_x* x, int64_t first, int m, const float* bias, float* y, int64_t ldy, int64_t begin,
            int64_t end) {
  using Stream = void (*)(const qw_qrazor_weight*, const qw_qrazor_x*, int64_t, const float*, float*, int64_t, int64_t);
#define QW_ROWS(bits) {nullptr, stream_tile<bits, 1>, stream_tile<bits, 2>, stream_tile<bits, 3>, stream_tile<bits, 4>}
  static constexpr Stream kStreams[3][QW_QRAZOR_ROWS + 1] = {QW_ROWS(3), QW_ROWS(4), QW_ROWS(8)};
#undef QW_ROWS
  const int bits = weight->grouped.bits;
  const Stream of = kStreams[bits == 3 ? 0 : bits == 4 ? 1 : 2][m];
  for (int64_t tile = begin; tile < end; ++tile) of(weight, x, first, bias, y, ldy, tile);
}

}  // namespace

const qw_qrazor_kernels qw_qrazor_avx512vnni = {prepare, stream};
