// createWeight: a spec in JavaScript -> the codec's packed form, off the JS thread.
#include <algorithm>

#include "dense_source.h"
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
        if (data->mapping == nullptr) {
          const uint8_t* bytes = static_cast<const uint8_t*>(dense.data);
          data->copy.assign(bytes, bytes + length);
          dense.data = data->copy.data();
        }
        return qw_weight_dense(&dense, &data->weight);
      },
      [data, keep = std::move(source.bytes.keep)](Napi::Env e) { return made(e, data); });
}

struct Affine {
  qw_affine affine;
  Array<uint8_t> codes;
  Array<float> scale, zero;
  Array<int32_t> g_idx;
};

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
  bool is_signed = false;
  read.codes = codes(field(spec, "codes"), count, &is_signed);
  read.scale = floats(field(spec, "scale"), affine.rows * groups);
  read.zero = floats(field(spec, "zero"), affine.rows * groups);
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
  affine.is_signed = is_signed ? 1 : 0;
  affine.codes = read.codes.data;
  affine.scale = read.scale.data;
  affine.zero = read.zero.data;
  affine.g_idx = read.g_idx.data;
  affine.scale_type = type_of(field(spec, "scaleType"));
  return read;
}

Napi::Value create_affine(Napi::Env env, const Named& spec, const char* codec) {
  Affine read = affine_of(env, spec);
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [affine = read.affine, codec, data] {
        const PoolLease lease;
        return qw_weight_affine(codec, &affine, lease.pool(), &data->weight);
      },
      [data, a = std::move(read.codes.keep), b = std::move(read.scale.keep), c = std::move(read.zero.keep), d = std::move(read.g_idx.keep)](Napi::Env e) {
        return made(e, data);
      });
}

}  // namespace

Napi::Value create_weight(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Named spec = argument(info, 0, "createWeight", "spec");
    static constexpr const char* codecs[] = {"dense", "q8", "q4", "w8a8"};
    const int codec = choice(field(spec, "codec"), {"dense", "q8", "q4", "w8a8"});
    return codec == 0 ? create_dense(info.Env(), spec) : create_affine(info.Env(), spec, codecs[codec]);
  });
}

}  // namespace quantwright
