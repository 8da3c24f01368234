#include "program/backward/vector.h"

extern const qw::BackwardRows qw::backward_rows_avx2 = QW_BACKWARD_ROWS;
