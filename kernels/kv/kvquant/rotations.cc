#include "kv/kvquant/rotations.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "attention/cache.h"
#include "rope/rope.h"

namespace {

std::mutex shared_mutex;
std::vector<std::weak_ptr<qw::KvRotations>>& tables() {
  static std::vector<std::weak_ptr<qw::KvRotations>> list;
  return list;
}

}  // namespace

std::shared_ptr<qw::KvRotations> qw::KvRotations::shared(const float* inverse_frequency, int64_t half, float scale, int64_t capacity) {
  const std::lock_guard<std::mutex> lock(shared_mutex);
  std::vector<std::weak_ptr<KvRotations>>& list = tables();
  list.erase(std::remove_if(list.begin(), list.end(), [](const std::weak_ptr<KvRotations>& one) { return one.expired(); }), list.end());
  for (const std::weak_ptr<KvRotations>& one : list) {
    std::shared_ptr<KvRotations> table = one.lock();
    if (table == nullptr || table->scale_ != scale || int64_t(table->parts_.size()) * kPositions < capacity) continue;
    if (table->half() == half && std::equal(table->frequency_.begin(), table->frequency_.end(), inverse_frequency)) return table;
  }
  auto made = std::make_shared<KvRotations>(inverse_frequency, half, scale, capacity);
  list.push_back(made);
  return made;
}

qw::KvRotations::KvRotations(const float* inverse_frequency, int64_t half, float scale, int64_t capacity)
    : frequency_(inverse_frequency, inverse_frequency + half), scale_(scale), parts_(size_t((capacity + kPositions - 1) / kPositions)) {}

// Parts never move: threads read those they know of while another session's run adds one.
void qw::KvRotations::reach(int64_t length, qw_pool* pool) {
  const int64_t wanted = (length + kPositions - 1) / kPositions;
  if (made_.load(std::memory_order_acquire) >= wanted) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (int64_t part = made_.load(std::memory_order_relaxed); part < wanted; ++part) {
    auto table = std::make_unique<float[]>(size_t(kPositions * 2 * half()));
    std::vector<float> rows(size_t(kPositions * 2 * half()));
    std::vector<int64_t> positions(static_cast<size_t>(kPositions));
    for (int64_t i = 0; i < kPositions; ++i) positions[size_t(i)] = part * kPositions + i;
    qw_rope_table(frequency_.data(), half(), positions.data(), kPositions, scale_, rows.data(), pool);
    for (int64_t p = 0; p < kPositions; ++p) {
      for (int64_t i = 0; i < 2 * half(); ++i) {
        table[size_t(p / kCacheBlock * kCacheBlock * 2 * half() + i * kCacheBlock + p % kCacheBlock)] = rows[size_t(p * 2 * half() + i)];
      }
    }
    parts_[size_t(part)] = std::move(table);
    made_.store(part + 1, std::memory_order_release);
  }
}

size_t qw::KvRotations::bytes() const { return size_t(made_.load() * kPositions * 2 * half()) * sizeof(float); }
