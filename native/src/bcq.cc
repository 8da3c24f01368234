// quantizeBcq, convertToBcq and BCQ weights of native/ts/bcq.ts.
#include "solve/bcq/bcq.h"

#include "create_coded_weight.h"
#include "dense_source.h"
#include "linear/bcq/weight.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"
#include "results.h"
#include "weight.h"

namespace quantwright {

namespace {

int64_t plane_words(int64_t rows, int64_t cols, int bits) { return (cols + 31) / 32 * bits * rows; }

// Alphas or q_bias as they are stored: {type, data}.
struct Params {
  Bytes bytes;
  qw_type type = QW_F32;
};

Params params_of(const Named& value, int64_t count) {
  Params read;
  read.type = type_of(field(value, "type"));
  read.bytes = bytes_of(field(value, "data"), count * (read.type == QW_F32 ? 4 : 2));
  return read;
}

struct Stored {
  qw_bcq_stored stored{};
  Bytes planes;
  Params alpha, q_bias;
  Array<int32_t> g_idx;
};

}  // namespace

Napi::Value quantize_bcq(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "quantizeBcq", "source"));
    const qw_dense dense = source.dense;
    const Named given = argument(info, 1, "quantizeBcq", "options");
    qw_bcq_options options{};
    options.bits = int(integer(field(given, "bits"), 1, 8));
    options.group_size = integer(field(given, "groupSize"), -1, kMaxDimension);
    options.rounds = int(integer(field(given, "rounds"), 0, 1000));
    options.use_bst = flag(field(given, "useBst"), true) ? 1 : 0;
    options.alpha_type = type_of(field(given, "alphaType"));
    int64_t groups = 0;
    throw_unless_ok(env, qw_bcq_plan(&options, dense.rows, dense.cols, &groups));
    Napi::Uint8Array planes = new_bytes(env, plane_words(dense.rows, dense.cols, options.bits) * 4);
    Napi::Float32Array alpha = new_floats(env, groups * options.bits * dense.rows);
    auto result = std::make_shared<qw_bcq_result>();
    return run_off_thread(
        env,
        [dense, options, result, words = planes.Data(), alphas = alpha.Data(), mapping = source.bytes.mapping] {
          const PoolLease lease;
          return qw_bcq(&dense, &options, lease.pool(), reinterpret_cast<uint32_t*>(words), alphas, result.get());
        },
        [result, groups, planes = Napi::Persistent(planes), alpha = Napi::Persistent(alpha), keep = std::move(source.bytes.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object out = Napi::Object::New(e);
          out.Set("planes", planes.Value());
          out.Set("alpha", alpha.Value());
          out.Set("groups", double(groups));
          out.Set("sqnrDb", result->sqnr_db);
          out.Set("mse", result->mse);
          out.Set("notFinite", place_or_null(e, result->not_finite_row, result->not_finite_col));
          return out;
        });
  });
}

Napi::Value convert_to_bcq(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    const Named given = argument(info, 0, "convertToBcq", "matrix");
    qw_affine affine{};
    affine.rows = integer(field(given, "rows"), 1, kMaxDimension);
    affine.cols = integer(field(given, "cols"), 1, kMaxDimension);
    affine.group_size = integer(field(given, "groupSize"), 1, affine.cols);
    const int bits = int(integer(field(given, "bits"), 1, 8));
    const int64_t groups = (affine.cols + affine.group_size - 1) / affine.group_size;
    bool is_signed = false;
    auto codes_array = codes(field(given, "codes"), elements(env, "convertToBcq", affine.rows, affine.cols), &is_signed);
    auto scale = floats(field(given, "scale"), affine.rows * groups), zero = floats(field(given, "zero"), affine.rows * groups);
    affine.codes = {QW_CODES_BYTES, 0, is_signed ? 1 : 0, codes_array.data};
    affine.scale = {QW_F32, 0, scale.data};
    affine.zero = {QW_F32, 0, zero.data};
    Napi::Uint8Array planes = new_bytes(env, plane_words(affine.rows, affine.cols, bits) * 4);
    Napi::Float32Array alpha = new_floats(env, groups * bits * affine.rows), q_bias = new_floats(env, groups * affine.rows);
    return run_off_thread(
        env,
        [affine, bits, words = planes.Data(), alphas = alpha.Data(), offsets = q_bias.Data()] {
          const PoolLease lease;
          return qw_bcq_from_codes(&affine, bits, lease.pool(), reinterpret_cast<uint32_t*>(words), alphas, offsets);
        },
        [planes = Napi::Persistent(planes), alpha = Napi::Persistent(alpha), q_bias = Napi::Persistent(q_bias), keep_codes = std::move(codes_array.keep),
         keep_scale = std::move(scale.keep), keep_zero = std::move(zero.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object out = Napi::Object::New(e);
          out.Set("planes", planes.Value());
          out.Set("alpha", alpha.Value());
          out.Set("qBias", q_bias.Value());
          return out;
        });
  });
}

Napi::Value create_bcq(Napi::Env env, const Named& spec) {
  auto read = std::make_shared<Stored>();
  qw_bcq_stored& stored = read->stored;
  stored.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  stored.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  stored.bits = int(integer(field(spec, "bits"), 1, 4));
  const int64_t group_size = integer(field(spec, "groupSize"), -1, kMaxDimension);
  stored.group_size = group_size < 1 || group_size > stored.cols ? stored.cols : group_size;
  const int64_t groups = (stored.cols + stored.group_size - 1) / stored.group_size;
  elements(env, spec.name, stored.rows, stored.cols);
  read->planes = bytes_of(field(spec, "planes"), plane_words(stored.rows, stored.cols, stored.bits) * 4);
  read->alpha = params_of(field(spec, "alpha"), groups * stored.bits * stored.rows);
  stored.planes = read->planes.data;
  stored.alpha_type = read->alpha.type;
  stored.alpha = read->alpha.bytes.data;
  const Named q_bias = field(spec, "qBias"), g_idx = field(spec, "gIdx");
  if (!absent(q_bias)) {
    read->q_bias = params_of(q_bias, groups * stored.rows);
    stored.bias_type = read->q_bias.type;
    stored.q_bias = read->q_bias.bytes.data;
  }
  if (!absent(g_idx)) {
    read->g_idx = integers(g_idx, stored.cols);
    stored.g_idx = read->g_idx.data;
  }
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = read.get(), data] {
        for (const Bytes* bytes : {&from->planes, &from->alpha.bytes, &from->q_bias.bytes}) {
          if (bytes->mapping != nullptr) bytes->mapping->will_need(bytes->data, bytes->length);
        }
        const PoolLease lease;
        return qw_weight_bcq(&from->stored, lease.pool(), &data->weight);
      },
      [data, read](Napi::Env e) -> Napi::Value { return make_object(e, e.GetInstanceData<Environment>()->weight, data); });
}

}  // namespace quantwright
