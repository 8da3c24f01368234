#include "linear/grouped/grouped_case.h"

int main() {
  qw_test::Random random(8);
  qw_test::check_shapes("q8", 8, random);
  qw_test::check_zero_forms("q8", 8, random);
  qw_test::check_extremes("q8", 8, random);
  qw_test::check_refusals("q8", 8, random);
  qw_test::check_stored_forms("q8", 8, random);
  qw_test::check_planes("q8", 8, random);
  return qw_test::finish("linear/q8");
}
