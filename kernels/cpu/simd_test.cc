#include "testing/check.h"

int main() {
  CHECK(qw_simd_level() <= qw_simd_best());
  std::printf("best level: %s %s\n", qw_simd_name(qw_simd_best()), qw_simd_problem());
  CHECK(std::strcmp(qw_simd_name(QW_SIMD_AVX512VNNI), "avx512vnni") == 0);
  CHECK(std::strcmp(qw_simd_name(static_cast<qw_simd>(9)), "unknown") == 0);

  int seen = 0;
  qw_test::every_level([&](qw_simd level) {
    ++seen;
    CHECK(qw_simd_level() == level);
  });
  CHECK(seen == qw_simd_best() + 1);

  CHECK_FAILS(qw_simd_force(static_cast<qw_simd>(77)), QW_INVALID_ARGUMENT, "does not exist");
  if (qw_simd_best() < QW_SIMD_AVX512VNNI) {
    CHECK_FAILS(qw_simd_force(QW_SIMD_AVX512VNNI), QW_UNSUPPORTED, "best level");
  }
  return qw_test::finish("simd");
}
