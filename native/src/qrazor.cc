// quantizeQrazor of native/ts/binding.ts.
#include "solve/qrazor/qrazor.h"

#include "dense_source.h"
#include "gptq_factor.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"
#include "results.h"

namespace quantwright {

namespace {

qw_qrazor_options qrazor_options(const Named& given) {
  qw_qrazor_options options{};
  options.base_bits = int(integer(field(given, "baseBits"), 1, 32));
  options.bits = int(integer(field(given, "bits"), 1, 32));
  options.group_size = integer(field(given, "groupSize"), 1, kMaxDimension);
  options.rule = choice(field(given, "rule"), {"qllm", "original"}) == 0 ? QW_QRAZOR_QLLM : QW_QRAZOR_ORIGINAL;
  const Named axis = field(given, "axis"), base_group = field(given, "baseGroupSize");
  options.axis = absent(axis) || choice(axis, {"inputs", "outputs"}) == 0 ? QW_QRAZOR_INPUTS : QW_QRAZOR_OUTPUTS;
  options.base_group_size = absent(base_group) ? -1 : integer(base_group, -1, kMaxDimension);
  options.symmetric = flag(field(given, "symmetric"), true) ? 1 : 0;
  options.comp_aware = flag(field(given, "compAware"), false) ? 1 : 0;
  return options;
}

}  // namespace

Napi::Value quantize_qrazor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "quantizeQrazor", "source"));
    const qw_dense dense = source.dense;
    const qw_qrazor_options options = qrazor_options(argument(info, 1, "quantizeQrazor", "options"));
    int64_t shift_count = 0, scale_count = 0;
    throw_unless_ok(env, qw_qrazor_plan(&options, dense.rows, dense.cols, &shift_count, &scale_count));
    GptqFactor factor;
    if (info.Length() > 2 && !info[2].IsUndefined()) factor = gptq_factor(argument(info, 2, "quantizeQrazor", "factor"), dense.cols);
    Napi::Int8Array codes = new_array<Napi::Int8Array>(env, dense.rows * dense.cols, 1);
    Napi::Uint8Array shifts = new_bytes(env, shift_count);
    Napi::Float32Array scale = new_floats(env, scale_count);
    auto result = std::make_shared<qw_gptq_result>();
    return run_off_thread(
        env,
        [dense, options, result, upper = factor.upper.data, order = factor.order.data, dead = factor.dead.data, code_bytes = codes.Data(),
         shift_bytes = shifts.Data(), scales = scale.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          if (upper != nullptr) {
            return qw_qrazor_gptq(&dense, upper, order, dead, &options, lease.pool(), code_bytes, shift_bytes, scales, result.get());
          }
          qw_rtn_result alone{};
          const qw_status status = qw_qrazor(&dense, &options, lease.pool(), code_bytes, shift_bytes, scales, &alone);
          *result = {0, alone.sqnr_db, alone.mse, alone.not_finite_row, alone.not_finite_col};
          return status;
        },
        [result, codes = Napi::Persistent(codes), shifts = Napi::Persistent(shifts), scale = Napi::Persistent(scale),
         keep = std::move(source.bytes.keep), keep_upper = std::move(factor.upper.keep), keep_order = std::move(factor.order.keep),
         keep_dead = std::move(factor.dead.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object out = Napi::Object::New(e);
          out.Set("codes", codes.Value());
          out.Set("shifts", shifts.Value());
          out.Set("scale", scale.Value());
          out.Set("loss", result->loss);
          out.Set("sqnrDb", result->sqnr_db);
          out.Set("mse", result->mse);
          out.Set("notFinite", place_or_null(e, result->not_finite_row, result->not_finite_col));
          return out;
        });
  });
}

}  // namespace quantwright
