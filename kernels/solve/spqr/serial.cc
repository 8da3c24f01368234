// The specification of line.h: the same loops, one row after the other.
#include "solve/spqr/steps.h"

void qw::spqr_fit_serial(const qw_spqr_fit& fit) { fit_group(fit); }
void qw::spqr_run_serial(const qw_spqr_run& run) { run_columns(run); }
