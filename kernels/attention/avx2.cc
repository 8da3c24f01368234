#include "attention/vector.h"

void qw::attention_avx2(const AttentionTile& tile) { attention_vector(tile); }
