#include "rope/rope.h"
#include "rope/vector.h"

void qw::rope_avx2(float* x, int64_t heads, int64_t head_dim, const float* cosines, const float* sines) {
  rope_vector(x, heads, head_dim, cosines, sines);
}
