// Checks activations, and chooses the codec of a weight that is multiplied as integers.
#include "linear/int8/weight.h"

#include <cfloat>
#include <cmath>

#include "linear/llm_int8/codec.h"
#include "linear/w4a8/codec.h"
#include "linear/w8a8/codec.h"

namespace {

qw_status check_token(const qw_activations& activations) {
  const qw_activation_rule rule = activations.rule;
  if (rule < QW_ACTIVATION_DASHINFER || rule > QW_ACTIVATION_AFFINE) return qw_error(QW_INVALID_ARGUMENT, "activations: no rule %d", int(rule));
  if (rule == QW_ACTIVATION_AFFINE && activations.symmetric) return qw_error(QW_INVALID_ARGUMENT, "activations: the affine rule is not symmetric");
  if ((rule == QW_ACTIVATION_DASHINFER || rule == QW_ACTIVATION_SMOOTHQUANT) && !activations.symmetric) {
    return qw_error(QW_INVALID_ARGUMENT, "activations: the rules of dashinfer and smoothquant are symmetric; use affine or zeroquant for a zero point");
  }
  return qw_ok();
}

qw_status check_tensor(const qw_activations& activations) {
  const float scale = activations.scale;
  if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(1.0f / scale)) {
    return qw_error(QW_INVALID_ARGUMENT, "activations: a static scale of %g; needs a positive one, as calibration finds it", double(scale));
  }
  const int most = (1 << activations.bits) - 1;
  if (activations.zero < 0 || activations.zero > most) {
    return qw_error(QW_INVALID_ARGUMENT, "activations: a zero point of %d is no code of %d bits (0 to %d)", int(activations.zero), activations.bits, most);
  }
  return qw_ok();
}

qw_status check_razored(const qw_activations& activations) {
  const int group = activations.group_size;
  if (activations.bits != 4 && activations.bits != 8) return qw_error(QW_INVALID_ARGUMENT, "razored activations keep 4 or 8 bits, not %d", activations.bits);
  if (activations.base_bits != 8 && activations.base_bits != 16) {
    return qw_error(QW_INVALID_ARGUMENT, "razored activations begin as 8 or 16 bits, not %d", activations.base_bits);
  }
  if (group < 8 || group > 128 || (group & (group - 1)) != 0) {
    return qw_error(QW_INVALID_ARGUMENT, "razored activations share a shift by groups of 8, 16, 32, 64 or 128 columns, not %d", group);
  }
  return qw_ok();
}

}  // namespace

qw_status qw_check_activations(const qw_activations* activations) {
  if (activations->bits < 2 || activations->bits > 8) {
    return qw_error(QW_INVALID_ARGUMENT, "activations of %d bits: integer kernels take codes of 2 to 8 bits", activations->bits);
  }
  switch (activations->kind) {
    case QW_ACTIVATION_TOKEN: return check_token(*activations);
    case QW_ACTIVATION_TENSOR: return check_tensor(*activations);
    case QW_ACTIVATION_RAZORED: return check_razored(*activations);
    case QW_ACTIVATION_OUTLIERS:
      if (activations->bits == 8 && activations->threshold >= 0 && activations->threshold <= FLT_MAX) return qw_ok();
      return qw_error(QW_INVALID_ARGUMENT, "activations with outliers: 8 bits and a threshold of at least 0 (0: no outliers), not %d bits and %g",
                      activations->bits, double(activations->threshold));
  }
  return qw_error(QW_INVALID_ARGUMENT, "activations of kind %d", int(activations->kind));
}

qw_status qw_weight_int8(const qw_affine* affine, int code_bits, const qw_activations* activations, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  if (code_bits != 4 && code_bits != 8) return qw_error(QW_INVALID_ARGUMENT, "codes of %d bits: integer products take 4 (w4a8) or 8 (w8a8)", code_bits);
  const qw_status checked = qw_check_activations(activations);
  if (checked.code != QW_OK) return checked;
  const bool grouped = affine->group_size != affine->cols || affine->g_idx != nullptr || code_bits == 4;
  if (activations->kind == QW_ACTIVATION_OUTLIERS) {
    if (!grouped) return qw_llm_int8_pack(affine, activations->threshold, pool, out);
    return qw_error(QW_UNSUPPORTED, "%lld x %lld, group_size %lld%s: outlier activations need 8-bit codes with one scale per row (group_size -1, no g_idx)",
                    (long long)affine->rows, (long long)affine->cols, (long long)affine->group_size, affine->g_idx != nullptr ? " with g_idx" : "");
  }
  if (activations->kind == QW_ACTIVATION_RAZORED) {
    return qw_error(QW_UNSUPPORTED, "%lld x %lld with razored activations: those need weights of qrazor", (long long)affine->rows, (long long)affine->cols);
  }
  if (grouped) return qw_int8_groups_pack(affine, code_bits, activations, pool, out);
  return qw_w8a8_pack_for(affine, activations, pool, out);
}

qw_status qw_weight_qrazor_int8(const qw_qrazor_stored* stored, const qw_activations* activations, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  const qw_status checked = qw_check_activations(activations);
  return checked.code == QW_OK ? qw_int8_razored_pack(stored, activations, pool, out) : checked;
}
