#include "create_qrazor_weight.h"

#include "activations.h"
#include "linear/int8/weight.h"
#include "mapped_file.h"
#include "pack/pack.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "weight.h"

namespace quantwright {

namespace {

struct Stored {
  qw_qrazor_stored stored;
  bool integers;  // activations are quantized
  qw_activations activations;
  Bytes words;
  Array<uint8_t> codes, shifts;
  Array<float> scale;
};

// Int8Array [rows, cols], or words of rows.
void read_codes(const Named& value, int64_t count, Stored* out) {
  const qw_qrazor_stored& stored = out->stored;
  if (value.value.IsTypedArray()) {
    bool is_signed = false;
    out->codes = codes(value, count, &is_signed);
    out->stored.codes = {QW_CODES_BYTES, 8, is_signed ? 1 : 0, out->codes.data};
    return;
  }
  choice(field(value, "layout"), {"rows"});
  integer(field(value, "bits"), stored.bits, stored.bits);
  out->words = bytes_of(field(value, "data"), qw_pack_words(stored.cols, stored.bits) * stored.rows * 4);
  out->stored.codes = {QW_CODES_ROWS, stored.bits, flag(field(value, "signed"), false) ? 1 : 0, out->words.data};
}

}  // namespace

Napi::Value create_qrazor(Napi::Env env, const Named& spec) {
  auto read = std::make_shared<Stored>();
  qw_qrazor_stored& stored = read->stored;
  stored.rows = integer(field(spec, "rows"), 1, kMaxDimension);
  stored.cols = integer(field(spec, "cols"), 1, kMaxDimension);
  stored.group_size = integer(field(spec, "groupSize"), 1, kMaxDimension);
  stored.along_outputs = choice(field(spec, "axis"), {"inputs", "outputs"});
  stored.base_bits = int(integer(field(spec, "baseBits"), 1, 32));
  stored.bits = int(integer(field(spec, "bits"), 2, 8));
  const int64_t count = elements(env, spec.name, stored.rows, stored.cols);
  read_codes(field(spec, "codes"), count, read.get());
  const int64_t length = stored.along_outputs ? stored.rows : stored.cols, groups = (length + stored.group_size - 1) / stored.group_size;
  read->shifts = unsigned_codes(field(spec, "shifts"), groups * (stored.along_outputs ? stored.cols : stored.rows));
  read->scale = floats(field(spec, "scale"), stored.rows);
  const Named activations = field(spec, "activations");
  read->integers = !absent(activations);
  if (read->integers) read->activations = activations_of(activations);
  stored.shifts = read->shifts.data;
  stored.scale = read->scale.data;
  auto data = std::make_shared<WeightData>();
  return run_off_thread(
      env,
      [from = read.get(), data] {
        if (from->words.mapping != nullptr) from->words.mapping->will_need(from->words.data, from->words.length);
        const PoolLease lease;
        return from->integers ? qw_weight_qrazor_int8(&from->stored, &from->activations, lease.pool(), &data->weight)
                              : qw_weight_qrazor(&from->stored, lease.pool(), &data->weight);
      },
      [data, read](Napi::Env e) { return make_object(e, e.GetInstanceData<Environment>()->weight, data); });
}

}  // namespace quantwright
