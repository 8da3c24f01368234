#include "linear/grouped/grouped_case.h"

int main() {
  qw_test::Random random(5);
  qw_test::check_shapes("q5", 5, random);
  qw_test::check_zero_forms("q5", 5, random);
  qw_test::check_extremes("q5", 5, random);
  qw_test::check_refusals("q5", 5, random);
  qw_test::check_stored_forms("q5", 5, random);
  return qw_test::finish("linear/q5");
}
