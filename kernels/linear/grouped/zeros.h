// Which form the zeros of a grouped weight are kept in (grouped.h).
#pragma once
#include "linear/grouped/grouped.h"

// Fills zero_form and shared_zero from all zeros of `affine`; scale_type, groups and offset are set. Zeros that cannot be kept
// exactly are left to the packing, which says where they are.
void qw_choose_zero_form(const qw_affine& affine, qw_grouped* weight, qw_pool* pool);
