#include "attention/attention.h"

#include "cpu/half.h"
#include "testing/check.h"

using namespace qw_test;

namespace {

struct Case {
  qw_type type;
  int64_t past, rows, heads, kv_heads, head_dim, window;
  float softcap = 0;
};

double as_stored(float x, qw_type type) { return type == QW_F16 ? double(qw_half_to_float(qw_float_to_half(x))) : double(x); }

// Straight from the formula, in f64, from the row-major k and v.
std::vector<double> reference(const Case& c, const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v, float scale) {
  std::vector<double> out(q.size());
  const int64_t group = c.heads / c.kv_heads, kv_width = c.kv_heads * c.head_dim;
  for (int64_t r = 0; r < c.rows; ++r) {
    for (int64_t h = 0; h < c.heads; ++h) {
      const int64_t p = c.past + r, first = c.window > 0 ? std::max<int64_t>(0, p - c.window + 1) : 0;
      const float* query = &q[size_t((r * c.heads + h) * c.head_dim)];
      std::vector<double> weights;
      double top = -INFINITY, total = 0;
      for (int64_t j = first; j <= p; ++j) {
        double s = 0;
        for (int64_t d = 0; d < c.head_dim; ++d) s += double(query[d]) * as_stored(k[size_t(j * kv_width + h / group * c.head_dim + d)], c.type);
        s *= scale;
        if (c.softcap > 0) s = c.softcap * std::tanh(s / c.softcap);
        weights.push_back(s);
        top = std::max(top, s);
      }
      for (double& w : weights) total += w = std::exp(w - top);
      for (int64_t d = 0; d < c.head_dim; ++d) {
        double sum = 0;
        for (int64_t j = first; j <= p; ++j) sum += weights[size_t(j - first)] * as_stored(v[size_t(j * kv_width + h / group * c.head_dim + d)], c.type);
        out[size_t((r * c.heads + h) * c.head_dim + d)] = sum / total;
      }
    }
  }
  return out;
}

void every_level_matches_the_formula(const Case& c, int threads) {
  CHECK_OK(qw_pool_resize(qw_pool_shared(), threads));
  Random random(uint64_t(c.past * 31 + c.rows * 7 + c.head_dim));
  const int64_t positions = c.past + c.rows, kv_width = c.kv_heads * c.head_dim;
  const std::vector<float> q = random.vector(size_t(c.rows * c.heads * c.head_dim), 2.0f);
  const std::vector<float> k = random.vector(size_t(positions * kv_width)), v = random.vector(size_t(positions * kv_width));
  const float scale = 1.0f / std::sqrt(float(c.head_dim));
  const std::vector<double> wanted = reference(c, q, k, v, scale);
  every_level([&](qw_simd level) {
    qw_cache cache;
    CHECK_OK(qw_cache_create(c.type, c.kv_heads, c.head_dim, positions, &cache));
    CHECK_OK(qw_cache_append(&cache, 0, c.past, k.data(), v.data(), qw_pool_shared()));
    CHECK_OK(qw_cache_append(&cache, c.past, c.rows, k.data() + c.past * kv_width, v.data() + c.past * kv_width, qw_pool_shared()));
    std::vector<float> scratch(size_t(qw_attention_scratch(c.rows, positions, c.heads, &cache, threads))), out(q.size());
    const qw_attention_shape shape{c.rows, c.past, c.heads, scale, c.window, c.softcap};
    qw_attention(&shape, &cache, q.data(), out.data(), scratch.data(), qw_pool_shared());
    const Errors errors = compare(out.data(), wanted.data(), out.size());
    char name[96];
    std::snprintf(name, sizeof name, "%s %s past %lld rows %lld heads %lld/%lld dim %lld win %lld", qw_simd_name(level), c.type == QW_F16 ? "f16" : "f32",
                  (long long)c.past, (long long)c.rows, (long long)c.heads, (long long)c.kv_heads, (long long)c.head_dim, (long long)c.window);
    errors.print(name);
    CHECK(errors.not_finite == 0);
    CHECK(errors.max_abs < 1.2e-5);  // 150 seeds: 4.3e-6 at the most
    qw_cache_destroy(&cache);
  });
}

void what_lies_beyond_the_sequence_is_not_seen() {
  qw_cache cache;
  CHECK_OK(qw_cache_create(QW_F32, 1, 16, 32, &cache));
  const std::vector<float> huge(16 * 20, 1e30f), ones(16 * 5, 1.0f);
  CHECK_OK(qw_cache_append(&cache, 0, 20, huge.data(), huge.data(), qw_pool_shared()));
  CHECK_OK(qw_cache_append(&cache, 0, 5, ones.data(), ones.data(), qw_pool_shared()));
  std::vector<float> scratch(size_t(qw_attention_scratch(1, 5, 1, &cache, qw_pool_threads(qw_pool_shared()))));
  every_level([&](qw_simd) {
    const qw_attention_shape shape{1, 4, 1, 0.25f, 0, 0};
    std::vector<float> out(16);
    qw_attention(&shape, &cache, ones.data(), out.data(), scratch.data(), qw_pool_shared());
    for (float x : out) CHECK(std::fabs(x - 1.0f) < 1e-6f);
  });
  qw_cache_destroy(&cache);
}

// A key or value that is not finite reaches the rows that see it, and no other: not those before it, nor those whose window has left it behind.
void what_is_not_finite_reaches_only_who_sees_it() {
  constexpr int64_t rows = 40, dim = 16, bad = 20;
  for (const int64_t window : {int64_t(0), int64_t(5)}) {
    for (const bool in_value : {false, true}) {
      Random random(8);
      const std::vector<float> q = random.vector(rows * dim);
      std::vector<float> k = random.vector(rows * dim), v = random.vector(rows * dim);
      (in_value ? v : k)[bad * dim + 3] = in_value ? INFINITY : NAN;
      qw_cache cache;
      CHECK_OK(qw_cache_create(QW_F32, 1, dim, rows, &cache));
      CHECK_OK(qw_cache_append(&cache, 0, rows, k.data(), v.data(), qw_pool_shared()));
      std::vector<float> scratch(size_t(qw_attention_scratch(rows, rows, 1, &cache, qw_pool_threads(qw_pool_shared()))));
      every_level([&](qw_simd) {
        const qw_attention_shape shape{rows, 0, 1, 0.25f, window, 0};
        std::vector<float> out(rows * dim);
        qw_attention(&shape, &cache, q.data(), out.data(), scratch.data(), qw_pool_shared());
        int64_t wrong = 0;
        for (int64_t r = 0; r < rows; ++r) {
          const bool sees = r >= bad && (window == 0 || r < bad + window);
          wrong += std::isfinite(out[size_t(r * dim + 3)]) == sees;
        }
        CHECK(wrong == 0);
      });
      qw_cache_destroy(&cache);
    }
  }
}

void threads_do_not_change_the_result() {
  Random random(5);
  const std::vector<float> q = random.vector(4 * 32), k = random.vector(1500 * 32), v = random.vector(1500 * 32);
  std::vector<float> first;
  for (int threads : {1, 2, 5}) {
    CHECK_OK(qw_pool_resize(qw_pool_shared(), threads));
    qw_cache cache;
    CHECK_OK(qw_cache_create(QW_F32, 1, 32, 1500, &cache));
    CHECK_OK(qw_cache_append(&cache, 0, 1500, k.data(), v.data(), qw_pool_shared()));
    std::vector<float> scratch(size_t(qw_attention_scratch(1, 1500, 4, &cache, threads))), out(q.size());
    const qw_attention_shape shape{1, 1499, 4, 0.2f, 0, 0};
    qw_attention(&shape, &cache, q.data(), out.data(), scratch.data(), qw_pool_shared());
    if (first.empty()) first = out;
    CHECK(std::memcmp(first.data(), out.data(), out.size() * 4) == 0);
    qw_cache_destroy(&cache);
  }
}

// Sequences of different lengths in one call get the bits that each gets alone: decode beside prefill, one span beside several.
void sequences_together_get_what_each_gets_alone(const qw_attention_shape& shape, int threads) {
  CHECK_OK(qw_pool_resize(qw_pool_shared(), threads));
  constexpr int64_t kv_heads = 2, dim = 24;
  struct One {
    int64_t past, rows;
    qw_type type;
  };
  const One ones[] = {{1300, 1, QW_F32}, {0, 5, QW_F16}, {40, 70, QW_F32}, {0, 1, QW_F32}, {511, 1, QW_F16}, {512, 1, QW_F32}, {700, 3, QW_F32}};
  Random random(11);
  std::vector<qw_cache> caches;
  std::vector<qw_attention_sequence> sequences;
  int64_t rows = 0, elements = 0;
  for (const One& one : ones) {
    const int64_t positions = one.past + one.rows;
    const std::vector<float> k = random.vector(size_t(positions * kv_heads * dim)), v = random.vector(k.size());
    caches.emplace_back();
    CHECK_OK(qw_cache_create(one.type, kv_heads, dim, positions, &caches.back()));
    CHECK_OK(qw_cache_append(&caches.back(), 0, positions, k.data(), v.data(), qw_pool_shared()));
    rows += one.rows;
    elements += qw_attention_sequence_scratch(one.rows, positions, shape.heads, &caches.back());
  }
  for (size_t s = 0; s < caches.size(); ++s) sequences.push_back({&caches[s], ones[s].rows, ones[s].past});
  const int64_t width = shape.heads * dim;
  const std::vector<float> q = random.vector(size_t(rows * width));
  std::vector<float> scratch(size_t(elements + qw_attention_scratch(0, 0, shape.heads, &caches[0], threads)));
  every_level([&](qw_simd) {
    std::vector<float> together(q.size(), NAN), alone(q.size(), NAN);
    qw_attention_batch(&shape, sequences.data(), int64_t(sequences.size()), q.data(), together.data(), scratch.data(), qw_pool_shared());
    int64_t at = 0;
    for (const qw_attention_sequence& sequence : sequences) {
      qw_attention_shape mine = shape;
      mine.rows = sequence.rows, mine.first = sequence.first;
      qw_attention(&mine, sequence.cache, q.data() + at, alone.data() + at, scratch.data(), qw_pool_shared());
      at += sequence.rows * width;
    }
    CHECK(std::memcmp(together.data(), alone.data(), together.size() * sizeof(float)) == 0);
  });
  for (qw_cache& cache : caches) qw_cache_destroy(&cache);
}

}  // namespace

int main() {
  for (qw_type type : {QW_F32, QW_F16}) {
    every_level_matches_the_formula({type, 0, 1, 1, 1, 16, 0}, 1);
    every_level_matches_the_formula({type, 0, 70, 6, 2, 64, 0}, 2);     // prefill, tiles of several positions
    every_level_matches_the_formula({type, 130, 33, 4, 4, 24, 0}, 2);   // padded values
    every_level_matches_the_formula({type, 1100, 1, 6, 2, 64, 0}, 2);   // decode in three spans
    every_level_matches_the_formula({type, 511, 2, 8, 1, 128, 0}, 3);
    every_level_matches_the_formula({type, 5, 3, 64, 1, 10, 0}, 2);     // a group larger than a tile
    every_level_matches_the_formula({type, 100, 40, 2, 1, 32, 17}, 2);  // sliding window
    every_level_matches_the_formula({type, 1200, 1, 2, 1, 32, 64}, 2);  // window inside the last span
    every_level_matches_the_formula({type, 700, 20, 4, 2, 32, 100, 2.5f}, 2);  // capped scores
    every_level_matches_the_formula({type, 900, 1, 4, 2, 64, 0, 50.0f}, 2);
  }
  what_lies_beyond_the_sequence_is_not_seen();
  what_is_not_finite_reaches_only_who_sees_it();
  threads_do_not_change_the_result();
  for (int threads : {1, 3}) {
    sequences_together_get_what_each_gets_alone({0, 0, 6, 0.2f, 0, 0}, threads);
    sequences_together_get_what_each_gets_alone({0, 0, 2, 0.2f, 100, 30.0f}, threads);
  }
  return finish("attention");
}
