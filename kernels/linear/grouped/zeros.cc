#include "linear/grouped/zeros.h"

#include <atomic>
#include <cmath>

#include "linear/stored.h"

namespace {

constexpr int64_t kTaskZeros = 16 * 1024;

struct Scan {
  const qw_affine* affine;
  const qw_grouped* weight;
  float first;
  std::atomic<bool> all_same{true}, all_bytes{true};
};

// A whole number whose byte says it all. Such numbers are exact in every scale_type.
bool fits_byte(float zero, float offset) { return zero >= -offset && zero <= 255 - offset && zero == std::trunc(zero); }

void scan(void* context, int64_t begin, int64_t end, int) {
  Scan& job = *static_cast<Scan*>(context);
  bool same = true, bytes = true;
  // [rows, groups] and [groups, rows] are seen in the order they lie in: which element is whose does not matter here.
  for (int64_t at = begin; at < end; ++at) {
    const float zero = qw_read_typed(job.affine->zero.type, job.affine->zero.data, at);
    same = same && zero == job.first;
    bytes = bytes && fits_byte(zero, job.weight->offset);
  }
  if (!same) job.all_same.store(false, std::memory_order_relaxed);
  if (!bytes) job.all_bytes.store(false, std::memory_order_relaxed);
}

}  // namespace

void qw_choose_zero_form(const qw_affine& affine, qw_grouped* weight, qw_pool* pool) {
  Scan job;
  job.affine = &affine;
  job.weight = weight;
  job.first = qw_read_typed(affine.zero.type, affine.zero.data, 0);
  qw_parallel_for(pool, affine.rows * weight->groups, kTaskZeros, scan, &job);
  if (job.all_same && std::isfinite(job.first) && qw_round_to_type(weight->scale_type, job.first) == job.first) {
    weight->zero_form = QW_ZERO_SHARED;
    weight->shared_zero = job.first;
  } else {
    weight->zero_form = job.all_bytes ? QW_ZERO_BYTES : QW_ZERO_TYPED;
  }
}
