#include "rope/rope.h"
#include "rope/vector.h"

void qw::rope_neon(float* x, int64_t heads, int64_t head_dim, int64_t half, const float* cosines, const float* sines) {
  rope_vector(x, heads, head_dim, half, cosines, sines);
}
