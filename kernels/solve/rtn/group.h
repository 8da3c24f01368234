// The grid of one group of weights: its range, or the best of a search. Shared by round-to-nearest and by GPTQ, which fits groups as it goes.
#pragma once
#include "solve/rtn/fit.h"
#include "solve/rtn/line.h"

const qw_rtn_line& qw_rtn_line_in_force();

// x: finite, count >= 1. With options.mse, ist and qllm try 80 smaller ranges; inc does not here (its search is over the matrix, and gives `ratio`).
qw_rtn_grid qw_rtn_fit_group(const qw_rtn_line& line, const qw_rtn_options& options, const float* x, int64_t count, float ratio);
