// Hessians and factors for the tests of this folder.
#pragma once
#include <vector>

#include "solve/gptq/factor.h"
#include "solve/gptq/gptq.h"
#include "testing/check.h"

namespace qw_test {

// X^T X of tokens whose columns hang together, the first `dead` of them 0.
inline std::vector<float> random_hessian(int64_t width, int64_t tokens, int64_t dead, Random& random) {
  std::vector<double> x(size_t(tokens * width));
  for (int64_t t = 0; t < tokens; ++t) {
    double carried = 0;
    for (int64_t i = 0; i < width; ++i) {
      carried = 0.6 * carried + random.uniform(-1, 1) * (1 + double(i % 7));
      x[size_t(t * width + i)] = i < dead ? 0 : carried;
    }
  }
  std::vector<float> hessian(size_t(width * width));
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      double sum = 0;
      for (int64_t t = 0; t < tokens; ++t) sum += x[size_t(t * width + i)] * x[size_t(t * width + j)];
      hessian[size_t(i * width + j)] = float(2 * sum / double(tokens));
    }
  }
  return hessian;
}

struct Factor {
  qw_status status = qw_ok();
  std::vector<float> packed;
  std::vector<int32_t> order;
  std::vector<uint8_t> dead;
  qw_gptq_factor_result result{};

  // U[i, j]
  float at(int64_t i, int64_t j) const {
    const int64_t width = int64_t(order.size()), first = i / qw::kGptqBlock * qw::kGptqBlock, rows = qw::gptq_block_rows(width, first);
    if (j < first) return 0;
    return packed[size_t(qw::gptq_block_offset(width, first) + ((j - first) / qw::kGptqPanel * rows + i - first) * qw::kGptqPanel + j % qw::kGptqPanel)];
  }
};

inline Factor factor_of(const std::vector<float>& hessian, int64_t width, double damp, bool desc_act) {
  Factor out;
  out.packed.resize(size_t(qw_gptq_factor_size(width)));
  out.order.resize(size_t(width));
  out.dead.resize(size_t(width));
  const qw_gptq_factor_options options = {1, damp, desc_act, 0};
  out.status = qw_gptq_factor(hessian.data(), width, &options, qw_pool_shared(), out.packed.data(), out.order.data(), out.dead.data(), &out.result);
  return out;
}

}  // namespace qw_test
