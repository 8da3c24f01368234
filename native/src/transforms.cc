#include "transforms.h"

#include "dense_source.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "results.h"
#include "solve/edit/edit.h"

namespace quantwright {

namespace {

// An empty array where the field is left out.
Array<float> optional_floats(const Named& value, int64_t wanted_length) {
  return absent(value) ? Array<float>{} : floats(value, wanted_length);
}

}  // namespace

Napi::Value edit_matrix(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "editMatrix", "source"));
    const qw_dense dense = source.dense;
    const Named given = argument(info, 1, "editMatrix", "edit");
    auto columns = optional_floats(field(given, "columns"), dense.cols);
    auto rows = optional_floats(field(given, "rows"), dense.rows);
    const Named clip_field = field(given, "clip");
    Array<float> clip, low;
    int64_t group_size = -1;
    if (!absent(clip_field)) {
      group_size = integer(field(clip_field, "groupSize"), 1, kMaxDimension);
      clip = floats(field(clip_field, "limits"), dense.rows * ((dense.cols + group_size - 1) / group_size));
      low = optional_floats(field(clip_field, "low"), int64_t(clip.length));
    }
    const Named first_field = field(given, "firstRow"), count_field = field(given, "rowCount");
    const int64_t first = absent(first_field) ? 0 : integer(first_field, 0, dense.rows);
    const int64_t count = absent(count_field) ? dense.rows - first : integer(count_field, 0, dense.rows - first);
    const qw_edit edit = {columns.data, rows.data, clip.data, low.data, group_size};
    Napi::Float32Array out = new_floats(env, elements(env, "editMatrix", count, dense.cols));
    return run_off_thread(
        env,
        [dense, edit, first, count, to = out.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_edit_matrix(&dense, &edit, first, count, lease.pool(), to);
        },
        [out = Napi::Persistent(out), keep = std::move(source.bytes.keep), keep_columns = std::move(columns.keep),
         keep_rows = std::move(rows.keep), keep_clip = std::move(clip.keep), keep_low = std::move(low.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value column_magnitudes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "columnMagnitudes", "source"));
    const qw_dense dense = source.dense;
    const auto statistic = static_cast<qw_column_statistic>(choice(argument(info, 1, "columnMagnitudes", "statistic"), {"max", "mean"}));
    Napi::Float32Array out = new_floats(env, dense.cols);
    return run_off_thread(
        env,
        [dense, statistic, to = out.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_column_magnitudes(&dense, statistic, lease.pool(), to);
        },
        [out = Napi::Persistent(out), keep = std::move(source.bytes.keep)](Napi::Env) -> Napi::Value { return out.Value(); });
  });
}

Napi::Value group_ranges(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "groupRanges", "source"));
    const qw_dense dense = source.dense;
    const int64_t group_size = integer(argument(info, 1, "groupRanges", "groupSize"), 1, kMaxDimension);
    const int64_t groups = (dense.cols + group_size - 1) / group_size;
    Napi::Float32Array low = new_floats(env, dense.rows * groups), high = new_floats(env, dense.rows * groups);
    return run_off_thread(
        env,
        [dense, group_size, least = low.Data(), most = high.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_group_ranges(&dense, group_size, lease.pool(), least, most);
        },
        [low = Napi::Persistent(low), high = Napi::Persistent(high), keep = std::move(source.bytes.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object out = Napi::Object::New(e);
          out.Set("low", low.Value());
          out.Set("high", high.Value());
          return out;
        });
  });
}

Napi::Value mean_squared_error(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    auto a = floats(argument(info, 0, "meanSquaredError", "a"), -1);
    auto b = floats(argument(info, 1, "meanSquaredError", "b"), int64_t(a.length));
    if (a.length == 0) throw invalid(env, "meanSquaredError: a must not be empty.");
    auto result = std::make_shared<double>();
    return run_off_thread(
        env,
        [result, one = a.data, other = b.data, count = int64_t(a.length)] {
          const PoolLease lease;
          *result = qw_mean_squared_error(one, other, count, lease.pool());
          return qw_ok();
        },
        [result, keep_a = std::move(a.keep), keep_b = std::move(b.keep)](Napi::Env e) -> Napi::Value { return Napi::Number::New(e, *result); });
  });
}

}  // namespace quantwright
