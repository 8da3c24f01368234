// fullWeight of native/ts/binding.ts.
#include "linear/full/full.h"

#include "arguments.h"
#include "cpu/parallel.h"
#include "linear/dense/codec.h"
#include "linear/float16.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

namespace {

// Gives back the pages of rows of a dense matrix that lies in a mapped file.
void release_rows(void* context, int64_t row, int64_t count) {
  const WeightData& inner = *static_cast<const WeightData*>(context);
  const qw_dense_weight& dense = *reinterpret_cast<const qw_dense_weight*>(inner.weight);
  const int64_t row_bytes = dense.base.cols * qw_type_bytes(dense.type);
  const uint8_t* at = static_cast<const uint8_t*>(dense.data) + row * row_bytes;
  inner.mapping->release(size_t(at - inner.mapping->data()), size_t(count * row_bytes));
}

// A dense copy in f32.
Napi::Value whole_weight(Napi::Env env, const Weight::State& from) {
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [data, from] {
        const qw_weight* inner = from->weight;
        const int64_t row_bytes = inner->cols * int64_t(sizeof(float));
        data->copy.resize(size_t(inner->rows * row_bytes));
        const PoolLease lease;
        qw::parallel(lease.pool(), inner->rows, 16, [&](int64_t begin, int64_t end, int) {
          inner->codec->dequantize(inner, begin, end - begin, reinterpret_cast<float*>(data->copy.data() + begin * row_bytes));
        });
        const qw_dense dense = {QW_F32, inner->rows, inner->cols, data->copy.data()};
        return qw_weight_dense(&dense, &data->weight);
      },
      [data](Napi::Env e) -> Napi::Value { return make_object(e, e.GetInstanceData<Environment>()->weight, Weight::State(data)); });
}

}  // namespace

Napi::Value full_weight(const Napi::CallbackInfo& info) {
  return rejecting(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const Named given = argument(info, 0, "fullWeight", "weight");
    const Weight::State inner = unwrap<Weight>(given.value, given.name).data();
    if (flag(argument(info, 1, "fullWeight", "whole"), false)) return whole_weight(env, inner);
    auto data = std::make_shared<WeightData>();
    data->inner = inner;
    const bool mapped = inner->mapping != nullptr && inner->weight->codec == &qw_codec_dense;
    throw_unless_ok(env, qw_weight_full(inner->weight, mapped ? release_rows : nullptr, inner.get(), &data->weight));
    data->mapping = inner->mapping;
    Napi::Promise::Deferred made(env);
    made.Resolve(make_object(env, env.GetInstanceData<Environment>()->weight, std::move(data)));
    return made.Promise();
  });
}

}  // namespace quantwright
