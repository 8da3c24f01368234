#include "solve/spqr/steps.h"

void qw::spqr_fit_avx2(const qw_spqr_fit& fit) { fit_group(fit); }
void qw::spqr_run_avx2(const qw_spqr_run& run) { run_columns(run); }
