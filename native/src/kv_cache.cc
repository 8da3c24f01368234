#include "kv_cache.h"

#include "errors.h"

namespace quantwright {

namespace {

const float* kept(KvCache& cache, const Named& value, int64_t length) {
  const Array<float> given = floats(value, length);
  return cache.values.emplace_back(given.data, given.data + given.length).data();
}

void read_layers(KvCache& cache, const Named& value) {
  if (!value.value.IsArray()) throw invalid(value.value.Env(), value.name + " must be an array with what calibration found for every layer.");
  const Napi::Array list = value.value.As<Napi::Array>();
  const int64_t codes = int64_t(1) << cache.spec.key_bits;
  cache.layers.reserve(list.Length());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Named layer{list[i], value.name + "[" + std::to_string(i) + "]"};
    qw_kv_calibration read{};
    const Named lower = field(layer, "keyLower");
    read.key_lower = kept(cache, lower, -1);
    read.key_width = int64_t(cache.values.back().size());
    read.key_upper = kept(cache, field(layer, "keyUpper"), read.key_width);
    read.key_codebook = kept(cache, field(layer, "keyCodebook"), codes);
    read.value_codebook = kept(cache, field(layer, "valueCodebook"), codes);
    const Named key_norm = field(layer, "keyNorm"), value_norm = field(layer, "valueNorm");
    if (!absent(key_norm)) read.key_norm = kept(cache, key_norm, 2);
    if (!absent(value_norm)) read.value_norm = kept(cache, value_norm, 2);
    cache.layers.push_back(read);
  }
  cache.spec.layers = cache.layers.data();
  cache.spec.layer_count = int64_t(cache.layers.size());
}

}  // namespace

KvCache kv_cache_of(const Named& value) {
  KvCache cache;
  qw_kv_spec& spec = cache.spec;
  if (!value.value.IsObject()) {
    spec = qw_kv_plain(choice(value, {"f32", "f16"}) == 0 ? QW_F32 : QW_F16);
    return cache;
  }
  spec.kind = qw_kv_kind(1 + choice(field(value, "kind"), {"token", "kivi", "qrazor", "kvquant"}));
  if (spec.kind == QW_KV_KIVI) {
    spec.key_bits = int32_t(integer(field(value, "keyBits"), 1, 8));
    spec.value_bits = int32_t(integer(field(value, "valueBits"), 1, 8));
    spec.group_size = integer(field(value, "groupSize"), 1, kMaxDimension);
    spec.residual_length = integer(field(value, "residualLength"), 0, kMaxDimension);
    spec.quantize_prefill = flag(field(value, "quantizePrefill"), false);
    const Named precision = field(value, "precision");
    spec.type = absent(precision) || choice(precision, {"f16", "f32"}) == 0 ? QW_F16 : QW_F32;
    return cache;
  }
  spec.key_bits = spec.value_bits = int32_t(integer(field(value, "bits"), 1, 8));
  if (spec.kind == QW_KV_TOKEN) spec.floating = flag(field(value, "floating"), false);
  if (spec.kind == QW_KV_QRAZOR) {
    spec.base_bits = int32_t(integer(field(value, "baseBits"), 1, 32));
    spec.group_size = integer(field(value, "groupSize"), 1, kMaxDimension);
  }
  if (spec.kind == QW_KV_KVQUANT) {
    spec.sparsity = float(finite(field(value, "sparsity")));
    spec.first_tokens = integer(field(value, "firstTokens"), 0, kMaxDimension);
    read_layers(cache, field(value, "layers"));
  }
  return cache;
}

}  // namespace quantwright
