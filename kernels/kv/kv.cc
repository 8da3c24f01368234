// Which store packs the keys and values of a spec.
#include "kv/kv.h"

#include <exception>

#include "kv/kivi/kivi.h"
#include "kv/kvquant/kvquant.h"
#include "kv/qrazor/qrazor.h"
#include "kv/token/token.h"

void qw::KvStore::begin(int64_t, int64_t) {}
void qw::KvStore::scores(int64_t, int64_t, int64_t, const KvRows&) const {}
void qw::KvStore::add_values(int64_t, int64_t, int64_t, const KvSums&) const {}
void qw::KvStore::settle(int64_t, int64_t, qw_pool*) {}

qw_status qw::check_kv_spec(const qw_kv_spec& spec, int64_t layers) {
  switch (spec.kind) {
    case QW_KV_PLAIN:
      if (spec.type != QW_F32 && spec.type != QW_F16) return qw_error(QW_INVALID_ARGUMENT, "A KV cache is f32 or f16.");
      return qw_ok();
    case QW_KV_TOKEN: return check_token_spec(spec);
    case QW_KV_KIVI: return check_kivi_spec(spec);
    case QW_KV_QRAZOR: return check_qrazor_spec(spec);
    case QW_KV_KVQUANT: return check_kvquant_spec(spec, layers);
    default: return qw_error(QW_INVALID_ARGUMENT, "This build has no KV cache of kind %d.", int(spec.kind));
  }
}

qw_status qw::make_kv_store(const qw_kv_spec& spec, const KvLayer& layer, std::unique_ptr<KvStore>* out) {
  try {
    switch (spec.kind) {
      case QW_KV_TOKEN: *out = make_token_store(spec, layer); break;
      case QW_KV_KIVI: {
        const qw_status checked = check_kivi_layer(spec, layer);
        if (checked.code != QW_OK) return checked;
        *out = make_kivi_store(spec, layer);
        break;
      }
      case QW_KV_QRAZOR: {
        const qw_status checked = check_qrazor_layer(spec, layer);
        if (checked.code != QW_OK) return checked;
        *out = make_qrazor_store(spec, layer);
        break;
      }
      case QW_KV_KVQUANT: {
        const qw_status checked = check_kvquant_layer(spec, layer);
        if (checked.code != QW_OK) return checked;
        *out = make_kvquant_store(spec, layer);
        break;
      }
      default: return qw_error(QW_INVALID_ARGUMENT, "A KV cache of kind %d is not packed.", int(spec.kind));
    }
    return qw_ok();
  } catch (const std::exception&) {
    return qw_error(QW_OUT_OF_MEMORY, "No memory for a packed KV cache of %lld positions; use a shorter context.", (long long)layer.capacity);
  }
}
