#include "cpu/pick.h"
#include "testing/check.h"

namespace {

// A level without a version of its own runs the next lower one of those that the CPU has.
void test_fallback() {
  const int serial = 0, best = 1;
  const qw::Version<const int> only_serial[] = {{QW_SIMD_SERIAL, &serial}};
  const qw::Version<const int> both[] = {{QW_SIMD_SERIAL, &serial}, {qw_simd_best(), &best}};
  qw_test::every_level([&](qw_simd level) {
    CHECK(qw::best_version(only_serial) == &serial);
    CHECK(qw::best_version(both) == (level == qw_simd_best() ? &best : &serial));
  });
  for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
    if (qw_simd_available(qw_simd(level))) continue;
    const qw::Version<const int> lacking[] = {{QW_SIMD_SERIAL, &serial}, {qw_simd(level), &best}};
    CHECK(qw::best_version(lacking, QW_SIMD_NEONDOT) == &serial);
  }
}

}  // namespace

int main() {
  CHECK(qw_simd_level() <= qw_simd_best());
  CHECK(qw_simd_available(QW_SIMD_SERIAL) && qw_simd_available(qw_simd_best()));
  CHECK(std::strcmp(qw_simd_name(QW_SIMD_AVX512VNNI), "avx512vnni") == 0);
  CHECK(std::strcmp(qw_simd_name(QW_SIMD_NEONDOT), "neondot") == 0);
  CHECK(std::strcmp(qw_simd_name(static_cast<qw_simd>(77)), "unknown") == 0);
  int available = 0;
  for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
    const bool here = qw_simd_available(qw_simd(level));
    available += here;
    std::printf("%s: %s\n", qw_simd_name(qw_simd(level)), here ? "tested" : "skipped, this CPU lacks it");
    if (!here) CHECK_FAILS(qw_simd_force(qw_simd(level)), QW_UNSUPPORTED, "best level");
  }
  std::printf("%s\n", qw_simd_problem());
#if defined(__aarch64__)
  CHECK(qw_simd_available(QW_SIMD_NEON));
#endif

  int seen = 0;
  qw_test::every_level([&](qw_simd level) {
    ++seen;
    CHECK(qw_simd_level() == level);
  });
  CHECK(seen == available);

  CHECK_FAILS(qw_simd_force(static_cast<qw_simd>(77)), QW_INVALID_ARGUMENT, "does not exist");
  test_fallback();
  return qw_test::finish("simd");
}
