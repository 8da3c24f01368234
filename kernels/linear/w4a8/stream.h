// The product of the int8 codecs by groups (codec.h) on vectors of any width. Include only from files of an instruction set, which define V:
//
//   V::kLanes                    rows of a vector of int32 or f32: 4, 8 or 16
//   V::I, V::F                   such vectors
//   V::C                         4 codes of every row
//   V::Dot<bits>                 sums of products: zero(), add(codes, x), sum(); kRun: most quads that may be added before sum()
//   V::quad<bits>(line, q)       quad q of a line of codes
//
// A part of a tile (its kLanes rows) goes through all units with up to kRows rows of x; code lines are unpacked once for all of them.
// Cost of a quad of 4 columns: kRows loads that broadcast and kRows dot products, and a load (4 bits: half a load and one or two operations).
#pragma once
#include "linear/load_params.h"
#include "linear/w4a8/codec.h"

namespace {

template <int kBits, int kRows>
void stream_part(const qw_int8_groups* weight, const qw_int8_x* x, const float* bias, float* y, int64_t ldy, int64_t tile, int part) {
  using I = V::I;
  using F = V::F;
  using Dot = V::Dot<kBits>;
  constexpr int kQuads = kBits == 4 ? 2 : 1;
  constexpr int64_t kRun = Dot::kRun / kQuads;
  const qw_grouped& grouped = weight->grouped;
  const uint8_t* codes = grouped.codes + tile * grouped.tile_bytes + part * V::kLanes * 4;
  const int8_t* values = x->values;
  const int first = part * V::kLanes;
  const bool shared = grouped.zero_form == QW_ZERO_SHARED, bytes = grouped.zero_form == QW_ZERO_BYTES;
  const bool adds_zero = !(shared && (weight->form.folded_zero != 0 || grouped.shared_zero == 0));
  const int64_t typed = QW_TILE_ROWS * qw_type_bytes(grouped.scale_type);
  F total[kRows];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) total[i] = V::zero_f();
  for (int64_t unit = 0; unit < weight->form.units; ++unit) {
    I sum[kRows];
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) sum[i] = V::set(x->starts[unit * kRows + i]);
    const int64_t end = weight->unit_begin[unit + 1];
    for (int64_t block = weight->unit_begin[unit]; block < end;) {
      const int64_t stop = end - block > kRun ? block + kRun : end;
      Dot dots[kRows];
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) dots[i].clear();
      for (; block < stop; ++block, values += kQuads * kRows * 4) {
        if (kRows <= 2) V::prefetch(codes + block * QW_LINE_BYTES + 2048);
        const typename V::C line = V::load_codes(codes + block * QW_LINE_BYTES);
#pragma GCC unroll 2
        for (int q = 0; q < kQuads; ++q) {
          const typename V::C quad = V::template quad<kBits>(line, q);
#pragma GCC unroll 16
          for (int i = 0; i < kRows; ++i) dots[i].add(quad, V::broadcast(values + (q * kRows + i) * 4));
        }
      }
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) sum[i] = V::add(sum[i], dots[i].sum());
    }
    if (weight->form.razored) {
      const I shift = V::load_bytes(qw_int8_shifts(weight, tile, unit) + first);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        total[i] = V::fma(V::to_f(V::shift_left(sum[i], shift)), V::set_f(x->factors[unit * kRows + i]), total[i]);
      }
      continue;
    }
    const uint8_t* params = qw_grouped_params(&grouped, tile, unit);
    const F scale = V::load_params(grouped.scale_type, params, first);
    if (!adds_zero) {
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) total[i] = V::fma(V::to_f(sum[i]), scale, total[i]);
      continue;
    }
    const F zero = shared  ? V::set_f(grouped.shared_zero)
                   : bytes ? V::to_f(V::sub(V::load_bytes(params + typed + first), V::set(1 << (kBits - 1))))
                           : V::load_params(grouped.scale_type, params + typed, first);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const F exact = V::fma(V::set_f(x->remainders[unit * kRows + i]), zero, V::to_f(sum[i]));
      total[i] = V::fma(exact, scale, total[i]);
    }
  }
  const int64_t row = tile * QW_TILE_ROWS + first, left = grouped.base.rows - row, valid = left < V::kLanes ? left : V::kLanes;
  if (valid <= 0) return;
  const F add = bias == nullptr ? V::zero_f() : V::load_some(bias + row, valid);
  const F row_scale = weight->form.razored ? V::load_params(grouped.scale_type, qw_grouped_params(&grouped, tile, 0), first) : V::zero_f();
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    F scaled = weight->form.razored ? V::mul_f(total[i], row_scale) : total[i];
    if (weight->sums != nullptr) scaled = V::fma(V::set_f(-x->zeros[i]), V::load_f(weight->sums + row), scaled);
    V::store_some(y + i * ldy + row, V::fma(scaled, V::set_f(x->scales[i]), add), valid);
  }
}

using Part = void (*)(const qw_int8_groups*, const qw_int8_x*, const float*, float*, int64_t, int64_t, int);

// kMost: rows of x of the largest block, up to 12.
template <int kBits, int kMost>
Part part_of(int height) {
  static_assert(kMost <= 12, "the table below");
#define QW_ROWS(rows) stream_part<kBits, (rows) <= kMost ? (rows) : 1>
  static constexpr Part kParts[13] = {nullptr,    QW_ROWS(1), QW_ROWS(2), QW_ROWS(3),  QW_ROWS(4),  QW_ROWS(5), QW_ROWS(6),
                                      QW_ROWS(7), QW_ROWS(8), QW_ROWS(9), QW_ROWS(10), QW_ROWS(11), QW_ROWS(12)};
#undef QW_ROWS
  return kParts[height];
}

template <int kMost>
void stream(const qw_int8_groups* weight, const qw_int8_x* x, const float* bias, float* y, int64_t ldy, int64_t begin, int64_t end) {
  const Part part = weight->grouped.bits == 4 ? part_of<4, kMost>(x->height) : part_of<8, kMost>(x->height);
  for (int64_t tile = begin; tile < end; ++tile) {
    for (int p = 0; p < QW_TILE_ROWS / V::kLanes; ++p) part(weight, x, bias, y, ldy, tile, p);
  }
}

}  // namespace
