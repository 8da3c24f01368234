#include "linear/grouped/grouped_case.h"

int main() {
  qw_test::Random random(3);
  qw_test::check_shapes("q3", 3, random);
  qw_test::check_zero_forms("q3", 3, random);
  qw_test::check_extremes("q3", 3, random);
  qw_test::check_refusals("q3", 3, random);
  qw_test::check_stored_forms("q3", 3, random);
  qw_test::check_planes("q3", 3, random);
  return qw_test::finish("linear/q3");
}
