// quantizeSpqr of native/ts/binding.ts.
#include "solve/spqr/spqr.h"

#include <cstring>
#include <limits>

#include "dense_source.h"
#include "gptq_factor.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"
#include "results.h"

namespace quantwright {

namespace {

qw_spqr_options spqr_options(const Named& given) {
  qw_spqr_options options{};
  options.bits = int(integer(field(given, "bits"), 1, 8));
  options.group_size = integer(field(given, "groupSize"), -1, kMaxDimension);
  options.symmetric = flag(field(given, "symmetric"), false) ? 1 : 0;
  options.round_zero = flag(field(given, "roundZero"), false) ? 1 : 0;
  options.scale_bits = int(integer(field(given, "scaleBits"), 0, 8));
  options.zero_bits = int(integer(field(given, "zeroBits"), 0, 8));
  options.zero_symmetric = flag(field(given, "zeroSymmetric"), false) ? 1 : 0;
  options.stat_group = integer(field(given, "statGroup"), 1, kMaxDimension);
  options.simplified = flag(field(given, "simplifiedOutliers"), false) ? 1 : 0;
  const Named target = field(given, "targetBits"), threshold = field(given, "outlierThreshold");
  options.target_bits = absent(target) ? 0 : finite(target);
  options.outlier_threshold = absent(threshold) ? std::numeric_limits<double>::infinity() : finite(threshold);
  options.stat_type = type_of(field(given, "statType"));
  options.value_type = type_of(field(given, "valueType"));
  return options;
}

struct Result : qw_spqr_result {
  Result() : qw_spqr_result{} {}
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() { qw_spqr_free(this); }
};

// How many outliers there are is known at the end only.
template <typename Array, typename Element>
Array copied(Napi::Env env, const Element* from, int64_t count) {
  Array array = new_array<Array>(env, count, sizeof(Element));
  if (count > 0) std::memcpy(array.Data(), from, size_t(count) * sizeof(Element));
  return array;
}

}  // namespace

Napi::Value quantize_spqr(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "quantizeSpqr", "source"));
    const qw_dense dense = source.dense;
    GptqFactor factor = gptq_factor(argument(info, 1, "quantizeSpqr", "factor"), dense.cols);
    const qw_spqr_options options = spqr_options(argument(info, 2, "quantizeSpqr", "options"));
    int64_t groups = 0, stat_groups = 0;
    throw_unless_ok(env, qw_spqr_plan(&options, dense.rows, dense.cols, &groups, &stat_groups));
    Napi::Uint8Array codes = new_bytes(env, dense.rows * dense.cols);
    Napi::Uint8Array levels[2];
    Napi::Float32Array second[4], stats[2];
    for (Napi::Uint8Array& array : levels) array = new_bytes(env, dense.rows * groups);
    for (Napi::Float32Array& array : second) array = new_floats(env, stat_groups * groups);
    for (Napi::Float32Array& array : stats) array = new_floats(env, dense.rows * groups);
    Napi::Int32Array g_idx = new_array<Napi::Int32Array>(env, dense.cols, 4);
    Napi::Object out = Napi::Object::New(env);
    out.Set("groups", double(groups));
    out.Set("codes", codes);
    out.Set("scaleLevels", levels[0]);
    out.Set("zeroLevels", levels[1]);
    static constexpr const char* kSecond[] = {"scaleStep", "scaleZero", "zeroStep", "zeroZero"};
    for (int i = 0; i < 4; ++i) out.Set(kSecond[i], second[i]);
    out.Set("scale", stats[0]);
    out.Set("zero", stats[1]);
    out.Set("gIdx", g_idx);
    const qw_spqr_matrix matrix = {codes.Data(),     levels[0].Data(), levels[1].Data(), second[0].Data(), second[1].Data(),
                                   second[2].Data(), second[3].Data(), stats[0].Data(),  stats[1].Data(),  g_idx.Data()};
    auto result = std::make_shared<Result>();
    return run_off_thread(
        env,
        [dense, options, matrix, result, from = factor.upper.data, places = factor.order.data, flags = factor.dead.data, mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_spqr_solve(&dense, from, places, flags, &options, lease.pool(), &matrix, result.get());
        },
        [result, rows = dense.rows, out = Napi::Persistent(out), keep = std::move(source.bytes.keep), keep_upper = std::move(factor.upper.keep),
         keep_order = std::move(factor.order.keep), keep_dead = std::move(factor.dead.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object object = out.Value();
          object.Set("rowBegin", copied<Napi::Int32Array>(e, result->row_begin, rows + 1));
          object.Set("columns", copied<Napi::Int32Array>(e, result->columns, result->outliers));
          object.Set("values", copied<Napi::Float32Array>(e, result->values, result->outliers));
          object.Set("threshold", result->threshold);
          object.Set("relativeThreshold", result->relative_threshold);
          object.Set("averageBits", result->average_bits);
          object.Set("loss", result->loss);
          object.Set("sqnrDb", result->sqnr_db);
          object.Set("mse", result->mse);
          object.Set("notFinite", place_or_null(e, result->not_finite_row, result->not_finite_col));
          return object;
        });
  });
}

}  // namespace quantwright
