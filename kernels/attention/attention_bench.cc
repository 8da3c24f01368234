// Microseconds that attention of one token takes over the cache of one layer, by kind of cache and length of the context; one thread.
#include <chrono>

#include "attention/attention.h"
#include "testing/check.h"

namespace {

struct Kind {
  const char* name;
  qw_kv_spec spec;
};

qw_kv_spec token(int bits, bool floating) {
  qw_kv_spec spec{};
  spec.kind = QW_KV_TOKEN;
  spec.key_bits = spec.value_bits = bits;
  spec.floating = floating;
  return spec;
}

qw_kv_spec kivi(int bits, int64_t group_size) {
  qw_kv_spec spec{};
  spec.kind = QW_KV_KIVI;
  spec.type = QW_F16;
  spec.key_bits = spec.value_bits = bits;
  spec.group_size = group_size;
  spec.residual_length = 64;
  return spec;
}

double median_us(const qw_kv_spec& spec, int64_t heads, int64_t kv_heads, int64_t dim, int64_t context, qw_pool* pool) {
  qw_test::Random random(3);
  const std::vector<float> k = random.vector(size_t(context * kv_heads * dim)), q = random.vector(size_t(heads * dim));
  qw_cache cache;
  const bool plain = spec.kind == QW_KV_PLAIN;
  if ((plain ? qw_cache_create(spec.type, kv_heads, dim, context, &cache)
             : qw_cache_create_packed(spec, {0, kv_heads, dim, context, nullptr, 0, 1}, &cache)).code != QW_OK) return -1;
  if (qw_cache_append(&cache, 0, context, k.data(), k.data(), pool).code != QW_OK) return -1;
  if (!plain) cache.store->settle(context, 0, pool);
  const qw_attention_shape shape{1, context - 1, heads, 0.125f, 0, 0};
  std::vector<float> scratch(size_t(qw_attention_scratch(1, context, heads, &cache, qw_pool_threads(pool)))), out(q.size());
  std::vector<double> times;
  for (int i = 0; i < 300; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    qw_attention(&shape, &cache, q.data(), out.data(), scratch.data(), pool);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() * 1e6);
  }
  qw_cache_destroy(&cache);
  std::sort(times.begin(), times.end());
  return times[times.size() / 4];
}

}  // namespace

int main() {
  const Kind kinds[] = {{"f32", qw_kv_plain(QW_F32)}, {"f16", qw_kv_plain(QW_F16)}, {"token 8", token(8, false)}, {"token f8", token(8, true)},
                        {"token 4", token(4, false)}, {"kivi 4", kivi(4, 64)},      {"kivi 4 g32", kivi(4, 32)}, {"kivi 2", kivi(2, 32)}};
  qw_pool* pool = qw_pool_shared();
  if (qw_pool_resize(pool, 1).code != QW_OK) return 1;
  std::printf("%s; lower quartile of us for a token, one layer, headDim 64, one thread\n%-12s", qw_simd_name(qw_simd_level()), "heads/kv");
  for (const Kind& kind : kinds) std::printf(" %10s", kind.name);
  for (const int64_t heads : {6, 8, 32}) {
    const int64_t kv_heads = heads == 6 ? 2 : 8;
    for (const int64_t context : {900, 4000}) {
      std::printf("\n%2lld/%lld %6lld ", (long long)heads, (long long)kv_heads, (long long)context);
      for (const Kind& kind : kinds) std::printf(" %10.1f", median_us(kind.spec, heads, kv_heads, 64, context, pool));
    }
  }
  std::printf("\n");
}
