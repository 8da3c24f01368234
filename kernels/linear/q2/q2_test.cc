#include "linear/grouped/grouped_case.h"

int main() {
  qw_test::Random random(2);
  qw_test::check_shapes("q2", 2, random);
  qw_test::check_zero_forms("q2", 2, random);
  qw_test::check_extremes("q2", 2, random);
  qw_test::check_refusals("q2", 2, random);
  qw_test::check_stored_forms("q2", 2, random);
  qw_test::check_planes("q2", 2, random);
  qw_test::check_planes("q2", 1, random);
  return qw_test::finish("linear/q2");
}
