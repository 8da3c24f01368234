#include "linear/grouped/grouped_case.h"

int main() {
  qw_test::Random random(6);
  qw_test::check_shapes("q6", 6, random);
  qw_test::check_zero_forms("q6", 6, random);
  qw_test::check_extremes("q6", 6, random);
  qw_test::check_refusals("q6", 6, random);
  qw_test::check_stored_forms("q6", 6, random);
  return qw_test::finish("linear/q6");
}
