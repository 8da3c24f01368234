#include "score/score.h"
#include "score/vector.h"

double qw::log_sum_exp_neon(const float* logits, int64_t width) { return log_sum_exp_vector(logits, width); }
