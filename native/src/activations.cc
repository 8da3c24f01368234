#include "activations.h"

#include "errors.h"

namespace quantwright {

qw_activations activations_of(const Named& value) {
  qw_activations read{};
  read.bits = 8;
  read.symmetric = 1;
  if (absent(value)) return read;
  read.kind = qw_activation_kind(choice(field(value, "kind"), {"token", "tensor", "outliers", "razored"}));
  if (read.kind == QW_ACTIVATION_OUTLIERS) {
    read.threshold = float(finite(field(value, "threshold")));
    return read;
  }
  read.bits = int(integer(field(value, "bits"), 2, 8));
  if (read.kind == QW_ACTIVATION_TOKEN) {
    read.rule = qw_activation_rule(choice(field(value, "rule"), {"dashinfer", "smoothquant", "zeroquant", "affine"}));
    read.symmetric = flag(field(value, "symmetric"), true) ? 1 : 0;
  } else if (read.kind == QW_ACTIVATION_TENSOR) {
    read.symmetric = 0;
    read.scale = float(finite(field(value, "scale")));
    read.zero = int32_t(integer(field(value, "zero"), 0, (1 << read.bits) - 1));
  } else {
    read.base_bits = int(integer(field(value, "baseBits"), 8, 16));
    read.group_size = int(integer(field(value, "groupSize"), 8, 128));
    read.original = choice(field(value, "rule"), {"qllm", "original"});
  }
  return read;
}

}  // namespace quantwright
