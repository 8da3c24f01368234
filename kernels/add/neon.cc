#include "add/add.h"
#include "add/vector.h"

void qw::add_neon(const float* a, const float* b, float* out, int64_t count) { add_vector(a, b, out, count); }
