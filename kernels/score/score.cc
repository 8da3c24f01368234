#include "score/score.h"

#include "cpu/parallel.h"
#include "cpu/pick.h"

extern "C" void qw_score(const float* logits, int64_t rows, int64_t width, const int32_t* targets, double* nll, qw_pool* pool) {
  qw::LogSumExp* log_sum_exp = QW_PICK(qw::log_sum_exp);
  qw::parallel(pool, rows, 1, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) nll[r] = log_sum_exp(logits + r * width, width) - double(logits[r * width + targets[r]]);
  });
}
