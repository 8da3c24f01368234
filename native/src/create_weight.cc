// createWeight: a spec in JavaScript -> the codec's packed form, off the JS thread.
#include <algorithm>

#include "create_coded_weight.h"
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

// What keeps a spec's bytes alive until the weight is made. Mapped ranges are asked for early: packing walks them with strides.
struct Source {
  std::shared_ptr<const Mapping> mapping;
  const void* data = nullptr;
  size_t length = 0;
  Napi::ObjectReference keep;
};

Source source_of(Bytes bytes) { return {std::move(bytes.mapping), bytes.data, bytes.length, std::move(bytes.keep)}; }

struct Affine {
  qw_affine affine;
  Source codes, scale, zero;
  Array<int32_t> g_idx;
};

bool is_array(const Named& value) { return !value.value.IsObject() || value.value.IsTypedArray() || value.value.IsArray(); }

// Int8Array, Uint8Array or StoredCodes.
Source codes_of(const Named& value, const qw_affine& affine, int64_t count, qw_codes* out) {
  if (is_array(value)) {
    bool is_signed = false;
    Array<uint8_t> given = codes(value, count, &is_signed);
    *out = {QW_CODES_BYTES, 8, is_signed ? 1 : 0, given.data};
    return {nullptr, given.data, given.length, std::move(given.keep)};
  }
  constexpr qw_code_layout layouts[] = {QW_CODES_BYTES, QW_CODES_GPTQ, QW_CODES_ROWS, QW_CODES_FIELDS, QW_CODES_AWQ, QW_CODES_PLANES};
  out->layout = layouts[choice(field(value, "layout"), {"bytes", "gptq", "rows", "fields", "awq", "planes"})];
  out->is_signed = flag(field(value, "signed"), false) ? 1 : 0;
  const bool planes = out->layout == QW_CODES_PLANES;
  const Named bits = field(value, "bits");
  out->bits = int(integer(bits, planes ? 1 : 2, 8));
  if (planes && out->bits > 4 && out->bits != 8) {
    throw invalid(value.value.Env(), bits.name + " of planes must be 1, 2, 3, 4 or 8, not " + std::to_string(out->bits) + ".");
  }
  const int64_t wanted = out->layout == QW_CODES_BYTES ? count
                         : planes ? qw_plane_codes(affine.rows, affine.cols, affine.group_size, out->bits) * qw_plane_word_bytes(out->bits)
                         : out->layout == QW_CODES_AWQ ? affine.cols * ((affine.rows + 7) / 8) * 4
                         : out->layout == QW_CODES_FIELDS ? qw_field_words(affine.cols, out->bits) * affine.rows * 4
                                                       : qw_pack_words(affine.cols, out->bits) * affine.rows * 4;
  Source source = source_of(bytes_of(field(value, "data"), wanted));
  out->data = source.data;
  return source;
}

// Float32Array or StoredParameters.
Source params_of(const Named& value, int64_t count, qw_params* out) {
  if (is_array(value)) {
    Array<float> given = floats(value, count);
    *out = {QW_F32, 0, given.data};
    return {nullptr, given.data, given.length * sizeof(float), std::move(given.keep)};
  }
  out->type = type_of(field(value, "type"));
  out->by_group = choice(field(value, "order"), {"rows", "groups"});
  Source source = source_of(bytes_of(field(value, "data"), count * (out->type == QW_F32 ? 4 : 2)));
  out->data = source.data;
  return source;
}

Affine affine_of(Napi::Env env, const Named& spec) {
  Affine read;
  qw_affine& affine = read.affine;
  affine.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  affine.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  const Named group_size = field(spec, "groupSize");
  affine.group_size = integer(group_size, -1, kMaxDimension);
  if (affine.group_size == 0) throw invalid(env, group_size.name + " must be -1 or at least 1, not 0.");
  if (affine.group_size == -1) affine.group_size = affine.cols;
  affine.group_size = std::min(affine.group_size, affine.cols);
  const int64_t groups = (affine.cols + affine.group_size - 1) / affine.group_size;
  const int64_t count = elements(env, spec.name, affine.rows, affine.cols);
  read.codes = codes_of(field(spec, "codes"), affine, count, &affine.codes);
  read.scale = params_of(field(spec, "scale"), affine.rows * groups, &affine.scale);
  read.zero = params_of(field(spec, "zero"), affine.rows * groups, &affine.zero);
  const Named g_idx = field(spec, "gIdx");
  if (!absent(g_idx)) {
    read.g_idx = integers(g_idx, affine.cols);
    for (int64_t i = 0; i < affine.cols; ++i) {
      const int32_t group = read.g_idx.data[i];
      if (group < 0 || group >= groups) {
        throw invalid(env, g_idx.name + "[" + std::to_string(i) + "] is " + std::to_string(group) + ", but groups are 0.." + std::to_string(groups - 1) + ".");
      }
    }
  }
  affine.g_idx = read.g_idx.data;
  affine.scale_type = type_of(field(spec, "scaleType"));
  return read;
}

Napi::Value create_affine(Napi::Env env, const Named& spec, const char* codec) {
  // Shared by the job, which reads the mappings, and its end on the JS thread, where the references must be dropped.
  auto read = std::make_shared<Affine>(affine_of(env, spec));
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = read.get(), codec, data] {
        for (const Source* source : {&from->codes, &from->scale, &from->zero}) {
          if (source->mapping != nullptr) source->mapping->will_need(source->data, source->length);
        }
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
    static constexpr const char* codecs[] = {"dense", "gguf", "table4", "f8", "qrazor", "q8", "q6", "q5", "q4", "q3", "q2", "w8a8", "bcq", "spqr"};
    const int codec = choice(field(spec, "codec"), {"dense", "gguf", "table4", "f8", "qrazor", "q8", "q6", "q5", "q4", "q3", "q2", "w8a8", "bcq", "spqr"});
    if (codec == 0) return create_dense(info.Env(), spec);
    if (codec == 1) return create_gguf(info.Env(), spec);
    if (codec == 2) return create_table4(info.Env(), spec);
    if (codec == 3) return create_f8(info.Env(), spec);
    if (codec == 4) return create_qrazor(info.Env(), spec);
    if (codec == 12) return create_bcq(info.Env(), spec);
    if (codec == 13) return create_spqr(info.Env(), spec);
    return create_affine(info.Env(), spec, codecs[codec]);
  });
}

}  // namespace quantwright
