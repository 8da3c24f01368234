// Cosines and sines of positions for the keys that are stored as they were before rope: made once for a model's rope, shared by its layers and sessions,
// 16 positions side by side, as far as positions were appended.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "abi/pool.h"

namespace qw {

class KvRotations {
 public:
  // The table in use for this rope that reaches so many positions, or a new one. Throws bad_alloc.
  static std::shared_ptr<KvRotations> shared(const float* inverse_frequency, int64_t half, float scale, int64_t capacity);

  KvRotations(const float* inverse_frequency, int64_t half, float scale, int64_t capacity);
  // Makes what is missing of the first `length` positions. Throws bad_alloc.
  void reach(int64_t length, qw_pool* pool);
  // [half][16] of the block of 16 positions that `position` is the first of, within what was reached; sines follow.
  const float* cosines(int64_t position) const { return parts_[size_t(position / kPositions)].get() + position % kPositions * 2 * half(); }
  const float* sines(int64_t position) const { return cosines(position) + half() * 16; }
  int64_t half() const { return int64_t(frequency_.size()); }
  float scale() const { return scale_; }
  size_t bytes() const;

 private:
  static constexpr int64_t kPositions = 256;  // of a part
  std::vector<float> frequency_;
  float scale_;
  std::vector<std::unique_ptr<float[]>> parts_;
  std::atomic<int64_t> made_{0};  // parts, from the first on
  std::mutex mutex_;
};

}  // namespace qw
