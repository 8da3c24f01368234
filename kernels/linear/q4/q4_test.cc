#include "linear/grouped/grouped_case.h"

int main() {
  qw_test::Random random(4);
  qw_test::check_shapes("q4", 4, random);
  qw_test::check_zero_forms("q4", 4, random);
  qw_test::check_extremes("q4", 4, random);
  qw_test::check_refusals("q4", 4, random);
  qw_test::check_stored_forms("q4", 4, random);
  qw_test::check_awq("q4", random);
  qw_test::check_planes("q4", 4, random);
  qw_test::check_planes("q4", 1, random);
  return qw_test::finish("linear/q4");
}
