#include "attention/vector.h"

void qw::attention_neon(const AttentionTile& tile) { attention_vector(tile); }
