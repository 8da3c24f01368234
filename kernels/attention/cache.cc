#include "attention/cache.h"

#include <cstdlib>

#include "cpu/half.h"
#include "cpu/parallel.h"

namespace {

int64_t value_stride(const qw_cache& cache) { return qw_cache_round(cache.head_dim); }
size_t element_bytes(const qw_cache& cache) { return cache.type == QW_F16 ? 2 : 4; }
size_t key_bytes(const qw_cache& c) { return size_t(c.kv_heads * c.capacity * c.head_dim) * element_bytes(c); }
size_t value_bytes(const qw_cache& c) { return size_t(c.kv_heads * c.capacity * value_stride(c)) * element_bytes(c); }

void convert(float x, float& out) { out = x; }
void convert(float x, qw_half& out) { out = qw_float_to_half(x); }

template <typename Element>
void append(qw_cache& cache, int64_t position, const float* k, const float* v) {
  const int64_t dim = cache.head_dim, stride = value_stride(cache);
  for (int64_t head = 0; head < cache.kv_heads; ++head, k += dim, v += dim) {
    Element* key = static_cast<Element*>(cache.keys) + head * cache.capacity * dim + position / kCacheBlock * kCacheBlock * dim + position % kCacheBlock;
    Element* value = static_cast<Element*>(cache.values) + (head * cache.capacity + position) * stride;
    for (int64_t d = 0; d < dim; ++d) {
      convert(k[d], key[d * kCacheBlock]);
      convert(v[d], value[d]);
    }
  }
}

}  // namespace

extern "C" qw_status qw_cache_create(qw_type type, int64_t kv_heads, int64_t head_dim, int64_t capacity, qw_cache* out) {
  *out = qw_cache{type, kv_heads, head_dim, qw_cache_round(capacity), nullptr, nullptr, nullptr};
  out->keys = std::calloc(key_bytes(*out), 1);
  out->values = std::calloc(value_bytes(*out), 1);
  if (out->keys != nullptr && out->values != nullptr) return qw_ok();
  const double megabytes = double(qw_cache_bytes(out)) / 1048576.0;
  qw_cache_destroy(out);
  return qw_error(QW_OUT_OF_MEMORY, "A KV cache of %lld positions needs %.0f MiB a layer; use a shorter context or an f16 cache.", (long long)capacity,
                  megabytes);
}

extern "C" void qw_cache_destroy(qw_cache* cache) {
  delete cache->store;
  cache->store = nullptr;
  std::free(cache->keys);
  std::free(cache->values);
  cache->keys = cache->values = nullptr;
}

extern "C" size_t qw_cache_bytes(const qw_cache* cache) {
  return cache->store != nullptr ? cache->store->bytes() : key_bytes(*cache) + value_bytes(*cache);
}

qw_status qw_cache_create_packed(const qw_kv_spec& spec, const qw::KvLayer& layer, qw_cache* out) {
  *out = qw_cache{QW_F32, layer.kv_heads, layer.head_dim, qw_cache_round(layer.capacity), nullptr, nullptr, nullptr};
  std::unique_ptr<qw::KvStore> store;
  const qw_status status = qw::make_kv_store(spec, layer, &store);
  out->store = store.release();
  return status;
}

extern "C" qw_status qw_cache_append(qw_cache* cache, int64_t first, int64_t rows, const float* k, const float* v, qw_pool* pool) {
  if (cache->store != nullptr) return cache->store->append(first, rows, k, v, pool);
  constexpr int64_t elements_per_chunk = 8192;
  const int64_t width = cache->kv_heads * cache->head_dim;
  // Whole blocks of positions, counted from the block that `first` lies in: two threads never write to one cache line of keys.
  const int64_t grain = qw_cache_round(elements_per_chunk / width + 1), before = first % kCacheBlock;
  qw::parallel(pool, before + rows, grain, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin < before ? 0 : begin - before; r < end - before; ++r) {
      if (cache->type == QW_F16) {
        append<qw_half>(*cache, first + r, k + r * width, v + r * width);
      } else {
        append<float>(*cache, first + r, k + r * width, v + r * width);
      }
    }
  });
  return qw_ok();
}
