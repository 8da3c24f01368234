// traceKv of native/ts/binding.ts: attention of one layer over a cache of any kind, outside of a model.
#include <algorithm>
#include <cmath>

#include "attention/attention.h"
#include "errors.h"
#include "kv/kivi/kivi.h"
#include "kv_cache.h"
#include "pool_lease.h"
#include "results.h"

namespace quantwright {

namespace {

// Frees what a cache holds when an error leaves the function.
struct Held {
  qw_cache cache{};
  ~Held() { qw_cache_destroy(&cache); }
};

void read_back(const qw::KvStore& store, const qw_cache& cache, int64_t positions, float* k, float* v) {
  const int64_t dim = cache.head_dim, stride = qw_cache_round(dim), width = cache.kv_heads * dim;
  std::vector<float> keys(size_t(qw::kTileKeys * dim)), values(size_t(qw::kTileKeys * stride));
  for (int64_t head = 0; head < cache.kv_heads; ++head) {
    for (int64_t first = 0; first < positions; first += qw::kTileKeys) {
      const int64_t count = std::min(qw::kTileKeys, positions - first);
      store.keys(head, first, count, keys.data());
      store.values(head, first, count, values.data());
      for (int64_t j = 0; j < count; ++j) {
        const int64_t at = (first + j) * width + head * dim;
        for (int64_t d = 0; d < dim; ++d) k[at + d] = keys[size_t((j / kCacheBlock * dim + d) * kCacheBlock + j % kCacheBlock)];
        std::copy(&values[size_t(j * stride)], &values[size_t(j * stride)] + dim, v + at);
      }
    }
  }
}

}  // namespace

Napi::Value trace_kv(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KvCache spec = kv_cache_of(argument(info, 0, "traceKv", "cache"));
  const Named options = argument(info, 1, "traceKv", "options");
  const int64_t heads = integer(field(options, "heads"), 1, 1024), kv_heads = integer(field(options, "kvHeads"), 1, heads);
  const int64_t dim = integer(field(options, "headDim"), 1, 1024), positions = integer(field(options, "positions"), 1, 1 << 20);
  const int64_t prompt = integer(field(options, "prompt"), 1, positions);
  if (heads % kv_heads != 0) throw invalid(env, "traceKv: heads must be a multiple of kvHeads.");
  const auto q = floats(argument(info, 2, "traceKv", "q"), positions * heads * dim);
  const auto k = floats(argument(info, 3, "traceKv", "k"), positions * kv_heads * dim);
  const auto v = floats(argument(info, 4, "traceKv", "v"), positions * kv_heads * dim);
  Held held;
  qw_cache& cache = held.cache;
  throw_unless_ok(env, qw::check_kv_spec(spec.spec, 1));
  if (spec.spec.kind == QW_KV_PLAIN) throw invalid(env, "traceKv: the cache must be a packed one.");
  throw_unless_ok(env, qw_cache_create_packed(spec.spec, {0, kv_heads, dim, positions, nullptr, 0, 1}, &cache));
  Napi::Float32Array out = new_floats(env, positions * heads * dim), keys = new_floats(env, k.length), values = new_floats(env, v.length);
  const bool kivi = spec.spec.kind == QW_KV_KIVI;
  Napi::Int32Array packed = new_array<Napi::Int32Array>(env, kivi ? 2 * (positions - prompt + 1) : 0, 4);
  const PoolLease lease;
  std::vector<float> scratch(size_t(qw_attention_scratch(prompt, positions, heads, &cache, qw_pool_threads(lease.pool()))));
  size_t lengths = 0;
  for (int64_t first = 0; first < positions;) {
    const int64_t rows = first == 0 ? prompt : 1;
    const qw_attention_shape shape{rows, first, heads, 1.0f / std::sqrt(float(dim)), 0, 0};
    cache.store->begin(rows, first + rows);
    throw_unless_ok(env, qw_cache_append(&cache, first, rows, k.data + first * kv_heads * dim, v.data + first * kv_heads * dim, lease.pool()));
    qw_attention(&shape, &cache, q.data + first * heads * dim, out.Data() + first * heads * dim, scratch.data(), lease.pool());
    first += rows;
    cache.store->settle(first, 0, lease.pool());
    if (!kivi) continue;
    const qw::KiviPacked now = qw::kivi_packed(*cache.store);
    packed[lengths++] = int32_t(now.keys);
    packed[lengths++] = int32_t(now.values);
  }
  read_back(*cache.store, cache, positions, keys.Data(), values.Data());
  Napi::Object result = Napi::Object::New(env);
  result.Set("out", out);
  result.Set("keys", keys);
  result.Set("values", values);
  result.Set("packed", packed);
  return result;
}

}  // namespace quantwright
