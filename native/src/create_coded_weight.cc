#include "create_coded_weight.h"

#include <algorithm>
#include <cstring>

#include "mapped_file.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

namespace {

struct Coded {
  Bytes bytes;
  Array<float> values;  // absmax or scales
};

int64_t pieces(int64_t length, int64_t piece) { return (length + piece - 1) / piece; }

// `job` makes the weight off the JS thread; `coded` and the data live until it is done.
template <typename Job>
Napi::Value make_weight(Napi::Env env, const std::shared_ptr<Coded>& coded, const std::shared_ptr<WeightData>& data, Job job) {
  return run_off_thread(env, std::move(job), [data, coded](Napi::Env e) -> Napi::Value {
    return make_object(e, e.GetInstanceData<Environment>()->weight, data);
  });
}

}  // namespace

Napi::Value create_table4(Napi::Env env, const Named& spec) {
  qw_table4 table4{};
  table4.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  table4.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  table4.block = integer(field(spec, "block"), 1, kMaxDimension);
  const int64_t count = elements(env, spec.name, table4.rows, table4.cols);
  auto coded = std::make_shared<Coded>();
  coded->bytes = bytes_of(field(spec, "codes"), pieces(count, 2));
  coded->values = floats(field(spec, "absmax"), pieces(count, table4.block));
  const Array<float> table = floats(field(spec, "table"), 16);
  std::memcpy(table4.table, table.data, sizeof table4.table);
  table4.codes = coded->bytes.data;
  table4.absmax = coded->values.data;
  auto data = std::make_shared<WeightData>();
  return make_weight(env, coded, data, [table4, from = coded.get(), data] {
    if (from->bytes.mapping != nullptr) from->bytes.mapping->will_need(from->bytes.data, from->bytes.length);
    const PoolLease lease;
    return qw_weight_table4(&table4, lease.pool(), &data->weight);
  });
}

Napi::Value create_f8(Napi::Env env, const Named& spec) {
  qw_f8 f8{};
  f8.type = choice(field(spec, "type"), {"e4m3", "e5m2"}) == 0 ? QW_F8_E4M3 : QW_F8_E5M2;
  f8.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  f8.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  const int64_t count = elements(env, spec.name, f8.rows, f8.cols);
  // A tile of the scales may reach past the matrix.
  f8.scale_rows = std::min(integer(field(spec, "scaleRows"), 1, kMaxDimension), f8.rows);
  f8.scale_cols = std::min(integer(field(spec, "scaleCols"), 1, kMaxDimension), f8.cols);
  auto coded = std::make_shared<Coded>();
  coded->bytes = bytes_of(field(spec, "data"), count);
  coded->values = floats(field(spec, "scale"), pieces(f8.rows, f8.scale_rows) * pieces(f8.cols, f8.scale_cols));
  f8.scale = coded->values.data;
  auto data = std::make_shared<WeightData>();
  data->mapping = coded->bytes.mapping;
  return make_weight(env, coded, data, [f8, from = coded.get(), data]() mutable {
    if (data->mapping != nullptr) {
      data->mapping->will_need(from->bytes.data, from->bytes.length);
      f8.data = from->bytes.data;
    } else {
      data->copy.assign(from->bytes.data, from->bytes.data + from->bytes.length);
      f8.data = data->copy.data();
    }
    return qw_weight_f8(&f8, &data->weight);
  });
}

}  // namespace quantwright
