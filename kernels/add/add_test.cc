#include "add/add.h"

#include "testing/check.h"

using namespace qw_test;

int main() {
  for (int64_t count : {1, 7, 16, 31, 384, 70001}) {
    Random random{uint64_t(count)};
    const std::vector<float> a = random.vector(size_t(count)), b = random.vector(size_t(count));
    every_level([&](qw_simd) {
      std::vector<float> out = b;  // in place over the second operand
      qw_add(a.data(), out.data(), out.data(), count, qw_pool_shared());
      bool exact = true;
      for (size_t i = 0; i < out.size(); ++i) exact = exact && out[i] == a[i] + b[i];
      CHECK(exact);
    });
  }
  return finish("add");
}
