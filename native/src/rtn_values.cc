#include "solve/rtn/values.h"

#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"

namespace quantwright {

Napi::Value rtn_values(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const int64_t rows = integer(argument(info, 1, "rtnValues", "rows"), 1, kMaxDimension), cols = integer(argument(info, 2, "rtnValues", "cols"), 1, kMaxDimension);
    const int64_t count = elements(env, "rtnValues", rows, cols);
    Array<float> weight = floats(argument(info, 0, "rtnValues", "weight"), count);
    const Named column = argument(info, 3, "rtnValues", "column");
    Array<float> factors;
    if (!column.value.IsNull()) factors = floats(column, cols);
    const qw_rtn_options options = rtn_options(argument(info, 4, "rtnValues", "options"));
    const Named out = argument(info, 5, "rtnValues", "out");
    Array<float> place = floats(out, count);
    if (place.data == weight.data) throw invalid(env, "rtnValues: out must not be the weight itself.");
    int is_signed = 0;
    int64_t groups = 0;
    throw_unless_ok(env, qw_rtn_plan(&options, rows, cols, &is_signed, &groups));
    return run_off_thread(
        env,
        [w = weight.data, rows, cols, by = factors.data, options, to = out.value.As<Napi::Float32Array>().Data()] {
          const PoolLease lease;
          return qw_rtn_values(w, rows, cols, by, &options, to, lease.pool());
        },
        [keep = std::move(weight.keep), keep_factors = std::move(factors.keep), keep_out = std::move(place.keep)](Napi::Env e) -> Napi::Value { return e.Undefined(); });
  });
}

}  // namespace quantwright
