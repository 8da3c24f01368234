// quantizeTable4 of native/ts/binding.ts.
#include "solve/table4/table4.h"

#include "dense_source.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"
#include "results.h"

namespace quantwright {

Napi::Value quantize_table4(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "quantizeTable4", "source"));
    const qw_dense dense = source.dense;
    const Named given = argument(info, 1, "quantizeTable4", "options");
    qw_table4_options options{};
    options.type = choice(field(given, "type"), {"nf4", "fp4"}) == 0 ? QW_NF4 : QW_FP4;
    options.dialect = choice(field(given, "dialect"), {"inc", "bitsandbytes"}) == 0 ? QW_TABLE4_INC : QW_TABLE4_BITSANDBYTES;
    options.group_size = integer(field(given, "groupSize"), -1, kMaxDimension);
    options.mse = flag(field(given, "mse"), false) ? 1 : 0;
    options.scale_type = type_of(field(given, "scaleType"));
    int64_t groups = 0;
    throw_unless_ok(env, qw_table4_plan(&options, dense.rows, dense.cols, &groups));
    Napi::Uint8Array codes = new_bytes(env, (dense.rows * dense.cols + 1) / 2);
    Napi::Float32Array scale = new_floats(env, dense.rows * groups), values = new_floats(env, 16);
    qw_table4_values(options.type, options.dialect, values.Data());
    auto result = std::make_shared<qw_rtn_result>();
    return run_off_thread(
        env,
        [dense, options, result, bytes = codes.Data(), scales = scale.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_table4_round(&dense, &options, lease.pool(), bytes, scales, result.get());
        },
        [result, groups, codes = Napi::Persistent(codes), scale = Napi::Persistent(scale), values = Napi::Persistent(values),
         keep = std::move(source.bytes.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object out = Napi::Object::New(e);
          out.Set("codes", codes.Value());
          out.Set("scale", scale.Value());
          out.Set("groups", double(groups));
          out.Set("values", values.Value());
          out.Set("sqnrDb", result->sqnr_db);
          out.Set("mse", result->mse);
          out.Set("notFinite", place_or_null(e, result->not_finite_row, result->not_finite_col));
          return out;
        });
  });
}

}  // namespace quantwright
