// fullWeight of native/ts/binding.ts.
#include "linear/full/full.h"

#include "arguments.h"
#include "linear/dense/codec.h"
#include "linear/float16.h"
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

}  // namespace

Napi::Value full_weight(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Named given = argument(info, 0, "fullWeight", "weight");
  auto data = std::make_shared<WeightData>();
  data->inner = unwrap<Weight>(given.value, given.name).data();
  const bool mapped = data->inner->mapping != nullptr && data->inner->weight->codec == &qw_codec_dense;
  throw_unless_ok(env, qw_weight_full(data->inner->weight, mapped ? release_rows : nullptr, data->inner.get(), &data->weight));
  data->mapping = data->inner->mapping;
  return make_object(env, env.GetInstanceData<Environment>()->weight, std::move(data));
}

}  // namespace quantwright
