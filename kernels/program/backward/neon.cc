#include "program/backward/vector.h"

extern const qw::BackwardRows qw::backward_rows_neon = QW_BACKWARD_ROWS;
