#include "attention/vector.h"

void qw::attention_avx512(const AttentionTile& tile) { attention_vector(tile); }
