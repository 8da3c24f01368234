#include "create_spqr.h"

#include <algorithm>

#include "linear/spqr/weight.h"
#include "mapped_file.h"
#include "pack/pack.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

namespace {

struct Stored {
  qw_spqr spqr{};
  Bytes codes, second, levels, counts, columns, values;
  Array<int32_t> g_idx;
};

Stored read(Napi::Env env, const Named& spec) {
  Stored stored;
  qw_spqr& spqr = stored.spqr;
  spqr.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  spqr.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  elements(env, spec.name, spqr.rows, spqr.cols);
  spqr.bits = int(integer(field(spec, "bits"), 2, 4));
  spqr.group_size = std::min(integer(field(spec, "groupSize"), 1, kMaxDimension), spqr.cols);
  spqr.scale_bits = int(integer(field(spec, "scaleBits"), 1, 8));
  spqr.zero_bits = int(integer(field(spec, "zeroBits"), 1, 8));
  const int64_t tiles = (spqr.rows + 15) / 16, groups = (spqr.cols + spqr.group_size - 1) / spqr.group_size;
  stored.codes = bytes_of(field(spec, "codes"), qw_pack_words(spqr.cols, spqr.bits) * spqr.rows * 4);
  stored.second = bytes_of(field(spec, "second"), tiles * groups * 8);
  stored.levels = bytes_of(field(spec, "levels"), tiles * groups * (spqr.scale_bits + spqr.zero_bits) * 2);
  const Named g_idx = field(spec, "gIdx"), outliers = field(spec, "outliers");
  if (!absent(g_idx)) stored.g_idx = integers(g_idx, spqr.cols);
  spqr.outliers = integer(field(outliers, "count"), 0, kMaxDimension - 1);
  stored.counts = bytes_of(field(outliers, "counts"), spqr.rows * 2);
  stored.columns = bytes_of(field(outliers, "columns"), spqr.outliers * (spqr.cols <= 65536 ? 2 : 4));
  stored.values = bytes_of(field(outliers, "values"), spqr.outliers * 2);
  spqr.codes = {QW_CODES_ROWS, spqr.bits, 0, stored.codes.data};
  spqr.g_idx = stored.g_idx.data;
  spqr.second = stored.second.data;
  spqr.levels = stored.levels.data;
  spqr.counts = stored.counts.data;
  spqr.columns = stored.columns.data;
  spqr.values = stored.values.data;
  return stored;
}

}  // namespace

Napi::Value create_spqr(Napi::Env env, const Named& spec) {
  // Shared by the job, which reads the mappings, and its end on the JS thread, where the references must be dropped.
  auto stored = std::make_shared<Stored>(read(env, spec));
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = stored.get(), data] {
        for (const Bytes* bytes : {&from->codes, &from->second, &from->levels, &from->columns, &from->values}) {
          if (bytes->mapping != nullptr) bytes->mapping->will_need(bytes->data, bytes->length);
        }
        const PoolLease lease;
        return qw_weight_spqr(&from->spqr, lease.pool(), &data->weight);
      },
      [data, stored](Napi::Env e) -> Napi::Value { return make_object(e, e.GetInstanceData<Environment>()->weight, data); });
}

}  // namespace quantwright
