// What every kernel test needs: CHECK macros that count failures, seeded random data, error statistics, and a loop over SIMD levels.
// A test is a program: `int main() { ...; return qw_test::finish("name"); }`. QUANTWRIGHT_SEED repeats a run.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "abi/dispatch.h"
#include "abi/status.h"

namespace qw_test {

inline int& failures() {
  static int count = 0;
  return count;
}
inline int& checks() {
  static int count = 0;
  return count;
}

inline void report(bool passed, const char* file, int line, const char* words) {
  ++checks();
  if (passed) return;
  if (++failures() <= 20) std::printf("%s:%d: failed: %s\n", file, line, words);
}

inline int finish(const char* name) {
  std::printf("%s: %d checks, %d failed\n", name, checks(), failures());
  return failures() == 0 ? 0 : 1;
}

// Printed once; every random stream derives from it.
inline uint64_t seed() {
  static const uint64_t value = [] {
    const char* text = std::getenv("QUANTWRIGHT_SEED");
    const uint64_t chosen = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

class Random {
 public:
  explicit Random(uint64_t stream = 0) : engine_(seed() + stream * 0x9e3779b97f4a7c15ull) {}
  // Normal(0, deviation).
  void fill(float* out, size_t count, float deviation = 1.0f) {
    std::normal_distribution<float> normal(0.0f, deviation);
    for (size_t i = 0; i < count; ++i) out[i] = normal(engine_);
  }
  std::vector<float> vector(size_t count, float deviation = 1.0f) {
    std::vector<float> values(count);
    fill(values.data(), count, deviation);
    return values;
  }
  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
  double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine_); }

 private:
  std::mt19937_64 engine_;
};

// Distance in representable f32 values; huge when a sign or NaN differs.
inline int64_t ulp_distance(float a, float b) {
  if (a == b) return 0;
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? 0 : std::numeric_limits<int64_t>::max();
  int32_t x, y;
  std::memcpy(&x, &a, 4);
  std::memcpy(&y, &b, 4);
  const auto ordered = [](int32_t v) { return v < 0 ? int64_t(INT32_MIN) - v : int64_t(v); };
  return std::llabs(ordered(x) - ordered(y));
}

struct Errors {
  double max_abs = 0, max_rel = 0, scale = 0;  // scale: largest |wanted|
  int64_t max_ulp = 0;
  size_t worst = 0, count = 0, not_finite = 0;
  size_t ulp_histogram[6] = {};  // 0, 1, 2..3, 4..15, 16..255, more

  // Worst absolute error relative to the largest wanted value: what a dot product's error scales with.
  double normalised() const { return not_finite ? INFINITY : scale > 0 ? max_abs / scale : max_abs; }

  void print(const char* name) const {
    std::printf("  %-44s abs %.3g rel %.3g norm %.3g ulp %lld at %zu of %zu; ulp 0|1|<4|<16|<256|more:", name, max_abs, max_rel, normalised(),
                static_cast<long long>(max_ulp), worst, count);
    for (size_t bin : ulp_histogram) std::printf(" %zu", bin);
    std::printf("\n");
  }
};

template <typename Got, typename Wanted>
Errors compare(const Got* got, const Wanted* wanted, size_t count) {
  Errors errors;
  errors.count = count;
  for (size_t i = 0; i < count; ++i) {
    const double g = double(got[i]), w = double(wanted[i]);
    if (!std::isfinite(g) || !std::isfinite(w)) {
      if (!(g == w)) ++errors.not_finite;
      continue;
    }
    const double difference = std::fabs(g - w);
    if (difference > errors.max_abs) errors.max_abs = difference, errors.worst = i;
    if (w != 0) errors.max_rel = std::max(errors.max_rel, difference / std::fabs(w));
    errors.scale = std::max(errors.scale, std::fabs(w));
    const int64_t ulp = ulp_distance(float(got[i]), float(wanted[i]));
    errors.max_ulp = std::max(errors.max_ulp, ulp);
    ++errors.ulp_histogram[ulp == 0 ? 0 : ulp == 1 ? 1 : ulp < 4 ? 2 : ulp < 16 ? 3 : ulp < 256 ? 4 : 5];
  }
  return errors;
}

// Runs body(level) with every level this CPU has in force, serial first; restores the level. The test of cpu/simd prints which they are.
template <typename Body>
void every_level(Body body) {
  const qw_simd before = qw_simd_level();
  for (int level = QW_SIMD_SERIAL; level < QW_SIMD_LEVELS; ++level) {
    if (qw_simd_force(static_cast<qw_simd>(level)).code == QW_OK) body(static_cast<qw_simd>(level));
  }
  qw_simd_force(before);
}

}  // namespace qw_test

#define CHECK(condition) qw_test::report(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_OK(expression)                                                       \
  do {                                                                             \
    const qw_status check_status = (expression);                                   \
    if (check_status.code != QW_OK) std::printf("  %s\n", check_status.message);   \
    qw_test::report(check_status.code == QW_OK, __FILE__, __LINE__, #expression);  \
  } while (0)
// The call fails with this code and a message that contains the words.
#define CHECK_FAILS(expression, wanted_code, words)                                                                          \
  do {                                                                                                                       \
    const qw_status check_status = (expression);                                                                             \
    const bool check_passed = check_status.code == (wanted_code) && std::strstr(check_status.message, words) != nullptr;     \
    if (!check_passed) std::printf("  got code %d: %s\n", int(check_status.code), check_status.message);                     \
    qw_test::report(check_passed, __FILE__, __LINE__, #expression " fails as wanted");                                     \
  } while (0)
