#include "solve/gptq/vector.h"

void qw::gptq_block_avx512(const qw_gptq_block& block) { gptq_block_vector(block); }
