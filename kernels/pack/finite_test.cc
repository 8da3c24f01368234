// Against isfinite of every value by itself, with bad ones at and around the borders of blocks.
#include "pack/finite.h"

#include "linear/float16.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

void check_type(qw_type type, Random& random) {
  for (const int64_t count : {int64_t(0), int64_t(1), int64_t(4095), int64_t(4097), int64_t(20000)}) {
    std::vector<char> stored(size_t(count * qw_type_bytes(type)) + 1);
    for (int64_t i = 0; i < count; ++i) qw_write_typed(type, stored.data() + 1, i, float(random.uniform(-60000, 60000)));
    CHECK(qw_first_not_finite(type, stored.data() + 1, count) == -1);
    int64_t expected = -1;
    for (const int64_t at : {count - 1, int64_t(4096), int64_t(4095), count / 2, int64_t(0)}) {
      if (at < 0 || at >= count || (expected != -1 && at > expected)) continue;
      qw_write_typed(type, stored.data() + 1, at, random.integer(0, 1) == 0 ? NAN : -INFINITY);
      expected = at;
      CHECK(qw_first_not_finite(type, stored.data() + 1, count) == expected);
    }
  }
}

}  // namespace

int main() {
  Random random(7);
  for (const qw_type type : {QW_F32, QW_F16, QW_BF16}) check_type(type, random);
  return finish("pack/finite");
}
