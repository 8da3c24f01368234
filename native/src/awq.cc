#include "awq.h"

#include "dense_source.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"
#include "results.h"
#include "solve/awq/awq.h"

namespace quantwright {

Napi::Value awq_weight_sums(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "awqWeightSums", "source"));
    const qw_dense dense = source.dense;
    const Named given = argument(info, 1, "awqWeightSums", "options");
    const int64_t group_size = integer(field(given, "groupSize"), -1, kMaxDimension);
    const float epsilon = float(finite(field(given, "epsilon")));
    Napi::Float64Array sums = new_doubles(env, dense.cols);
    return run_off_thread(
        env,
        [dense, group_size, epsilon, to = sums.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_awq_weight_sums(&dense, group_size, epsilon, lease.pool(), to);
        },
        [sums = Napi::Persistent(sums), keep = std::move(source.bytes.keep)](Napi::Env) -> Napi::Value { return sums.Value(); });
  });
}

Napi::Value awq_fake_quantize(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "awqFakeQuantize", "source"));
    const qw_dense dense = source.dense;
    auto scale = floats(argument(info, 1, "awqFakeQuantize", "scale"), dense.cols);
    const qw_rtn_options options = rtn_options(argument(info, 2, "awqFakeQuantize", "rounding"));
    Napi::Float32Array out = new_floats(env, elements(env, "awqFakeQuantize", dense.rows, dense.cols));
    return run_off_thread(
        env,
        [dense, options, by = scale.data, to = out.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_awq_fake_quantize(&dense, by, &options, lease.pool(), to);
        },
        [out = Napi::Persistent(out), keep = std::move(source.bytes.keep), keep_scale = std::move(scale.keep)](Napi::Env) -> Napi::Value {
          return out.Value();
        });
  });
}

Napi::Value awq_clip(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "awqClip", "source"));
    const qw_dense dense = source.dense;
    const Named inputs_field = argument(info, 1, "awqClip", "inputs");
    auto inputs = floats(inputs_field, -1);
    if (inputs.length == 0 || inputs.length % size_t(dense.cols) != 0) {
      throw invalid(env, inputs_field.name + " must hold whole rows of " + std::to_string(dense.cols) + " values.");
    }
    const qw_rtn_options options = rtn_options(argument(info, 2, "awqClip", "rounding"));
    const Named given = argument(info, 3, "awqClip", "search");
    const qw_awq_clip_options search = {int(integer(field(given, "grid"), 1, 10000)), finite(field(given, "maxShrink"))};
    int is_signed = 0;
    int64_t groups = 0;
    throw_unless_ok(env, qw_rtn_plan(&options, dense.rows, dense.cols, &is_signed, &groups));
    Napi::Float32Array limits = new_floats(env, dense.rows * groups);
    return run_off_thread(
        env,
        [dense, options, search, x = inputs.data, tokens = int64_t(inputs.length) / dense.cols, to = limits.Data(),
         mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_awq_clip(&dense, x, tokens, &options, &search, lease.pool(), to);
        },
        [limits = Napi::Persistent(limits), keep = std::move(source.bytes.keep), keep_inputs = std::move(inputs.keep)](
            Napi::Env) -> Napi::Value { return limits.Value(); });
  });
}

}  // namespace quantwright
