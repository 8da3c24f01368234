// createWeight: a spec in JavaScript -> the codec's packed form, off the JS thread.
#include <algorithm>

#include "affine_source.h"
#include "create_coded_weight.h"
#include "create_int8_weight.h"
#include "create_qrazor_weight.h"
#include "create_spqr.h"
#include "dense_source.h"
#include "linear/gguf/blocks.h"
#include "pack/pack.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

namespace {

Napi::Value made(Napi::Env env, const std::shared_ptr<WeightData>& data) {
  return make_object(env, env.GetInstanceData<Environment>()->weight, data);
}

Napi::Value create_dense(Napi::Env env, const Named& spec) {
  DenseSource source = dense_source(spec);
  auto data = std::make_shared<WeightData>();
  data->mapping = source.bytes.mapping;
  return run_off_thread(
      env,
      [dense = source.dense, length = source.bytes.length, data]() mutable {
        if (data->mapping != nullptr) {
          data->mapping->will_need(dense.data, length);
        } else {
          const uint8_t* bytes = static_cast<const uint8_t*>(dense.data);
          data->copy.assign(bytes, bytes + length);
          dense.data = data->copy.data();
        }
        return qw_weight_dense(&dense, &data->weight);
      },
      [data, keep = std::move(source.bytes.keep)](Napi::Env e) { return made(e, data); });
}

Napi::Value create_affine(Napi::Env env, const Named& spec, const char* codec) {
  // Shared by the job, which reads the mappings, and its end on the JS thread, where the references must be dropped.
  auto read = std::make_shared<Affine>(affine_of(env, spec));
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = read.get(), codec, data] {
        will_need(*from);
        const PoolLease lease;
        return qw_weight_affine(codec, &from->affine, lease.pool(), &data->weight);
      },
      [data, read](Napi::Env e) { return made(e, data); });
}

// Blocks of a GGUF file.
Napi::Value create_gguf(Napi::Env env, const Named& spec) {
  static constexpr qw_gguf_type types[] = {QW_GGUF_Q4_0, QW_GGUF_Q4_1, QW_GGUF_Q5_0, QW_GGUF_Q5_1, QW_GGUF_Q8_0,
                                           QW_GGUF_Q2_K, QW_GGUF_Q3_K, QW_GGUF_Q4_K, QW_GGUF_Q5_K, QW_GGUF_Q6_K};
  const qw_gguf_type type = types[choice(field(spec, "type"), {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"})];
  const qw_gguf_facts* facts = qw_gguf_facts_of(type);
  const int64_t rows = integer(field(spec, "rows"), 1, kMaxDimension);
  const Named cols_field = field(spec, "cols");
  const int64_t cols = integer(cols_field, 1, kMaxDimension);
  if (cols % facts->block != 0) throw invalid(env, cols_field.name + " must be a multiple of " + std::to_string(facts->block) + ", the block of " + facts->name + ".");
  elements(env, spec.name, rows, cols);
  auto source = std::make_shared<Source>(source_of(bytes_of(field(spec, "data"), rows * (cols / facts->block) * facts->bytes)));
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = source.get(), type, rows, cols, data] {
        if (from->mapping != nullptr) from->mapping->will_need(from->data, from->length);
        const PoolLease lease;
        return qw_weight_gguf(type, rows, cols, from->data, lease.pool(), &data->weight);
      },
      [data, source](Napi::Env e) { return made(e, data); });
}

}  // namespace

Napi::Value create_weight(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Named spec = argument(info, 0, "createWeight", "spec");
    static constexpr const char* codecs[] = {"dense", "gguf", "table4", "f8", "qrazor", "q8", "q6", "q5", "q4", "q3", "q2", "w8a8", "w4a8", "bcq", "spqr"};
    const int codec = choice(field(spec, "codec"), {"dense", "gguf", "table4", "f8", "qrazor", "q8", "q6", "q5", "q4", "q3", "q2", "w8a8", "w4a8", "bcq", "spqr"});
    if (codec == 0) return create_dense(info.Env(), spec);
    if (codec == 1) return create_gguf(info.Env(), spec);
    if (codec == 2) return create_table4(info.Env(), spec);
    if (codec == 3) return create_f8(info.Env(), spec);
    if (codec == 4) return create_qrazor(info.Env(), spec);
    if (codec == 11) return create_int8(info.Env(), spec, 8);
    if (codec == 12) return create_int8(info.Env(), spec, 4);
    if (codec == 13) return create_bcq(info.Env(), spec);
    if (codec == 14) return create_spqr(info.Env(), spec);
    return create_affine(info.Env(), spec, codecs[codec]);
  });
}

}  // namespace quantwright
