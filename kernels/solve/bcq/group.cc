#include "solve/bcq/group.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/pick.h"

namespace qw {
namespace {

constexpr int kBits = QW_BCQ_MOST_BITS, kSums = 1 << kBits;
constexpr double kTiny = 1e-6;  // in the denominators of the conjugate gradient

// Sums of +-alpha, ascending, and the values halfway between neighbours.
struct Sums {
  float middles[kSums];  // the last is not used
  uint8_t by_rank[kSums];
};

Sums list_sums(const float* alpha, int bits) {
  const int count = 1 << bits;
  double values[kSums];
  Sums sums{};
  for (int number = 0; number < count; ++number) {
    // Numbers ascend with alpha[0], the largest, as their highest bit: nearly sorted already.
    uint8_t code = 0;
    double value = 0;
    for (int i = 0; i < bits; ++i) {
      const bool positive = (number >> (bits - 1 - i) & 1) != 0;
      code = uint8_t(code | int(positive) << i);
      value += positive ? double(alpha[i]) : -double(alpha[i]);
    }
    int at = number;
    for (; at > 0 && values[at - 1] > value; --at) {
      values[at] = values[at - 1];
      sums.by_rank[at] = sums.by_rank[at - 1];
    }
    values[at] = value;
    sums.by_rank[at] = code;
  }
  for (int j = 0; j + 1 < count; ++j) sums.middles[j] = float((values[j] + values[j + 1]) / 2);
  return sums;
}

// Signs -1, 0 or +1 of one weight, bit by bit; returns whether one is 0.
bool peel_one(float w, const float* alpha, int bits, int* signs) {
  bool zero = false;
  for (int i = 0; i < bits; ++i) {
    signs[i] = w > 0 ? 1 : w < 0 ? -1 : 0;
    w -= float(signs[i]) * alpha[i];
    zero = zero || signs[i] == 0;
  }
  return zero;
}

struct System {
  double gram[kBits][kBits], rhs[kBits];
};

// B'B and B'w where signs may be 0, one weight after the other.
System ternary_system(const float* w, int64_t count, const float* alpha, int bits) {
  System system{};
  for (int64_t k = 0; k < count; ++k) {
    int signs[kBits];
    peel_one(w[k], alpha, bits, signs);
    for (int i = 0; i < bits; ++i) {
      system.rhs[i] += double(signs[i]) * double(w[k]);
      for (int j = 0; j < bits; ++j) system.gram[i][j] += double(signs[i] * signs[j]);
    }
  }
  return system;
}

// Eight codes at a time: bytes of 0 and 1 are added up, at most 255 times.
System binary_system(const qw_bcq_line& line, const float* w, const uint8_t* codes, int64_t count, int bits) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  int64_t differing[kBits][kBits] = {};
  for (int64_t begin = 0; begin < count; begin += 8 * 255) {
    uint64_t counted[kBits][kBits] = {};
    for (int64_t k = begin; k < std::min(count, begin + 8 * 255); k += 8) {
      uint64_t eight, bit[kBits];
      std::memcpy(&eight, codes + k, 8);
      for (int i = 0; i < bits; ++i) bit[i] = eight >> i & kOnes;
      for (int i = 0; i < bits; ++i) {
        for (int j = 0; j < i; ++j) counted[i][j] += bit[i] ^ bit[j];
      }
    }
    for (int i = 0; i < bits; ++i) {
      for (int j = 0; j < i; ++j) {
        for (uint64_t bytes = counted[i][j]; bytes != 0; bytes >>= 8) differing[i][j] += int64_t(bytes & 255);
      }
    }
  }
  System system{};
  for (int i = 0; i < bits; ++i) {
    system.gram[i][i] = double(count);
    for (int j = 0; j < i; ++j) system.gram[i][j] = system.gram[j][i] = double(count - 2 * differing[i][j]);
  }
  line.project(w, codes, count, bits, system.rhs);
  return system;
}

// `bits` steps of the conjugate gradient from the present alpha; then magnitudes, the largest first.
void solve_alpha(const System& system, int bits, float* alpha) {
  double x[kBits] = {}, r[kBits] = {}, p[kBits] = {}, norm = 0;
  for (int i = 0; i < bits; ++i) x[i] = double(alpha[i]);
  for (int i = 0; i < bits; ++i) {
    r[i] = system.rhs[i];
    for (int j = 0; j < bits; ++j) r[i] -= system.gram[i][j] * x[j];
    p[i] = r[i];
    norm += r[i] * r[i];
  }
  for (int step = 0; step < bits; ++step) {
    double image[kBits], curvature = 0, next = 0;
    for (int i = 0; i < bits; ++i) {
      image[i] = 0;
      for (int j = 0; j < bits; ++j) image[i] += system.gram[i][j] * p[j];
      curvature += p[i] * image[i];
    }
    const double length = norm / (curvature + kTiny);
    for (int i = 0; i < bits; ++i) {
      x[i] += length * p[i];
      r[i] -= length * image[i];
      next += r[i] * r[i];
    }
    const double turn = next / (norm + kTiny);
    for (int i = 0; i < bits; ++i) p[i] = r[i] + turn * p[i];
    norm = next;
  }
  for (int i = 0; i < bits; ++i) alpha[i] = float(std::fabs(x[i]));
  std::sort(alpha, alpha + bits, [](float a, float b) { return a > b; });
}

// A plane holds no 0: weights with such a sign get the nearest sum.
void settle_zeros(const float* w, int64_t count, const float* alpha, int bits, uint8_t* codes) {
  const Sums sums = list_sums(alpha, bits);
  for (int64_t k = 0; k < count; ++k) {
    int signs[kBits];
    if (!peel_one(w[k], alpha, bits, signs)) continue;
    int rank = 0;
    while (rank + 1 < 1 << bits && !(w[k] < sums.middles[rank])) ++rank;
    codes[k] = sums.by_rank[rank];
  }
}

}  // namespace

const qw_bcq_line& bcq_line_in_force() {
  static constexpr Version<const qw_bcq_line> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_bcq_line_serial},
      QW_X86({QW_SIMD_AVX2, &qw_bcq_line_avx2}, {QW_SIMD_AVX512, &qw_bcq_line_avx512})
  };
  return *best_version(kVersions);
}

void bcq_solve_group(const qw_bcq_line& line, const qw_bcq_options& options, const float* w, int64_t count, const BcqScratch& scratch,
                     float* alpha) {
  const int bits = options.bits;
  const size_t length = size_t((count + 7) / 8 * 8);
  std::memcpy(scratch.residual, w, size_t(count) * sizeof(float));
  std::memset(scratch.codes, 0, length);
  bool zeros = false;
  for (int i = 0; i < bits; ++i) {
    alpha[i] = float(line.magnitude(scratch.residual, count) / double(count));
    zeros = line.peel(scratch.residual, count, alpha[i], i, scratch.codes) != 0 || zeros;
  }
  for (int round = 0; round < options.rounds && bits > 1; ++round) {
    float previous[kBits];
    std::memcpy(previous, alpha, sizeof previous);
    std::memcpy(scratch.before, scratch.codes, length);
    const bool was_binary = !zeros;
    solve_alpha(zeros ? ternary_system(w, count, alpha, bits) : binary_system(line, w, scratch.codes, count, bits), bits, alpha);
    if (options.use_bst) {
      const Sums sums = list_sums(alpha, bits);
      line.assign(w, count, bits, sums.middles, sums.by_rank, scratch.codes);
      zeros = false;
    } else {
      std::memcpy(scratch.residual, w, size_t(count) * sizeof(float));
      std::memset(scratch.codes, 0, length);
      zeros = false;
      for (int i = 0; i < bits; ++i) zeros = line.peel(scratch.residual, count, alpha[i], i, scratch.codes) != 0 || zeros;
    }
    // The same signs and alphas again: so would every later round give.
    const bool settled = was_binary && !zeros && std::memcmp(previous, alpha, size_t(bits) * sizeof(float)) == 0;
    if (settled && std::memcmp(scratch.before, scratch.codes, length) == 0) break;
  }
  if (zeros) settle_zeros(w, count, alpha, bits, scratch.codes);
}

}  // namespace qw
