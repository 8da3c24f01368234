// ActivationSpec of native/ts/activations.ts.
#pragma once
#include "arguments.h"
#include "linear/int8/activations.h"

namespace quantwright {

// What a spec's `activations` says; absent: DashInfer's A8W8. Values are judged by qw_check_activations.
qw_activations activations_of(const Named& value);

}  // namespace quantwright
