#include "sample/sample.h"

#include <tuple>

#include "sample/kernels.h"
#include "testing/check.h"

using namespace qw_test;

namespace {

qw_sampling plain(int64_t width) { return {width, 1, 0, 1, 0, 1, 0, 0, 1, nullptr, nullptr, 0}; }

struct Made {
  qw_sampler* sampler = nullptr;
  explicit Made(const qw_sampling& sampling) { CHECK_OK(qw_sampler_create(&sampling, &sampler)); }
  ~Made() { qw_sampler_free(sampler); }
  int32_t next(std::vector<float> logits, const uint32_t* mask = nullptr) {
    int32_t token = -1;
    CHECK_OK(qw_sampler_next(sampler, logits.data(), mask, &token));
    return token;
  }
};

// Weights that the filters leave, by sorting all: the definition.
std::vector<double> definition(const std::vector<float>& logits, const qw_sampling& s, const uint32_t* mask) {
  struct Entry {
    int64_t id;
    double weight;
  };
  std::vector<Entry> kept;
  float top = -INFINITY;
  const auto allowed = [&](size_t i) { return mask == nullptr || (mask[i / 32] >> (i % 32) & 1) != 0; };
  for (size_t i = 0; i < logits.size(); ++i) top = allowed(i) ? std::max(top, logits[i]) : top;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (allowed(i)) kept.push_back({int64_t(i), std::exp(double(logits[i] - top) / s.temperature)});
  }
  std::stable_sort(kept.begin(), kept.end(), [](const Entry& a, const Entry& b) { return a.weight > b.weight; });
  if (s.top_k > 0 && size_t(s.top_k) < kept.size()) kept.resize(size_t(s.top_k));
  double total = 0, before = 0;
  for (const Entry& entry : kept) total += entry.weight;
  std::vector<double> weights(logits.size());
  for (const Entry& entry : kept) {
    if ((s.top_p == 1 || before < s.top_p * total) && entry.weight >= s.min_p) weights[size_t(entry.id)] = entry.weight;
    before += entry.weight;
  }
  return weights;
}

// Draws of many seeds against the definition: nothing outside it, and chi-square within six deviations of its mean.
void draws_follow_the_definition(const qw_sampling& sampling, const std::vector<float>& logits, const uint32_t* mask) {
  const std::vector<double> weights = definition(logits, sampling, mask);
  double total = 0;
  for (const double weight : weights) total += weight;
  const int draws = logits.size() > 1000 ? 4000 : 20000;
  std::vector<int> counts(logits.size());
  Made made(sampling);
  for (int i = 0; i < draws; ++i) ++counts[size_t(made.next(logits, mask))];
  double square = 0, freedom = -1, rest_wanted = 0, rest = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (weights[i] == 0) CHECK(counts[i] == 0);
    const double wanted = weights[i] / total * draws;
    if (wanted < 5) {  // too rare to be normal: together
      rest_wanted += wanted, rest += counts[i];
      continue;
    }
    square += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
    ++freedom;
  }
  if (rest_wanted >= 5) square += (rest - rest_wanted) * (rest - rest_wanted) / rest_wanted, ++freedom;
  if (freedom < 1) return;
  if (square > freedom + 6 * std::sqrt(2 * freedom) + 10) std::printf("  chi-square %.1f of %.0f degrees\n", square, freedom);
  CHECK(square <= freedom + 6 * std::sqrt(2 * freedom) + 10);
}

void every_filter_gives_its_distribution() {
  for (const int64_t width : {1, 7, 100, 601, 3001}) {
    const std::vector<float> logits = Random(uint64_t(width)).vector(size_t(width), 2.0f);
    std::vector<uint32_t> mask(size_t(width + 31) / 32);
    for (size_t i = 0; i < mask.size(); ++i) mask[i] = uint32_t(0x9e3779b9u * (i + 1)) | 1u;
    for (const uint32_t* allowed : {static_cast<const uint32_t*>(nullptr), static_cast<const uint32_t*>(mask.data())}) {
      for (const auto& [k, p, m] : {std::tuple<int64_t, double, double>{0, 1, 0}, {5, 1, 0}, {0, 0.8, 0}, {0, 1, 0.2}, {40, 0.9, 0.05}, {0, 0.95, 0.01}, {500, 0.999, 0}}) {
        qw_sampling sampling = plain(width);
        sampling.top_k = k, sampling.top_p = p, sampling.min_p = m, sampling.temperature = 0.8, sampling.seed = uint64_t(width * 31 + k);
        draws_follow_the_definition(sampling, logits, allowed);
      }
    }
  }
}

void every_level_draws_the_same() {
  const int64_t width = 5003;
  const std::vector<float> logits = Random(3).vector(size_t(width), 4.0f);
  for (const auto& [k, p, m] : {std::tuple<int64_t, double, double>{0, 1, 0}, {50, 0.9, 0}, {0, 0.9, 0}, {0, 1, 0.01}, {4000, 1, 0}}) {
    qw_sampling sampling = plain(width);
    sampling.top_k = k, sampling.top_p = p, sampling.min_p = m;
    std::vector<int32_t> serial;
    every_level([&](qw_simd level) {
      Made made(sampling);
      int differ = 0;
      for (int i = 0; i < 500; ++i) {
        const int32_t token = made.next(logits);
        if (level == QW_SIMD_SERIAL) serial.push_back(token);
        else differ += token == serial[size_t(i)] ? 0 : 1;
      }
      CHECK(differ <= 1);  // a number within rounding of a border: 1e-6 of all
    });
  }
}

void passes_agree_with_serial() {
  for (const int64_t width : {1, 15, 16, 63, 64, 65, 511, 512, 513, 4099}) {
    const std::vector<float> x = Random(uint64_t(width) + 50).vector(size_t(width), 5.0f);
    bool odd = true;
    const float top = qw::row_largest_serial(x.data(), width, &odd);
    CHECK(!odd && top == *std::max_element(x.begin(), x.end()));
    std::vector<int32_t> wanted;
    for (int64_t i = 0; i < width; ++i) {
      if (x[size_t(i)] > 1.5f) wanted.push_back(int32_t(i));
    }
    const size_t blocks = size_t((width + qw::kWeightBlock - 1) / qw::kWeightBlock);
    std::vector<float> serial = x;
    std::vector<double> serial_sums(blocks);
    const double total = qw::row_weights_serial(serial.data(), width, top, 0.7f, serial_sums.data());
    const auto same = [&](qw::RowLargest* row_largest, qw::RowWeights* row_weights, qw::RowAbove* row_above) {
      CHECK(row_largest(x.data(), width, &odd) == top && !odd);
      for (int64_t at = 0; at < width; at += std::max<int64_t>(1, width / 7)) {
        std::vector<float> broken = x;
        broken[size_t(at)] = NAN;
        row_largest(broken.data(), width, &odd);
        CHECK(odd);
      }
      for (const int64_t room : {16, 40, 5000}) {
        std::vector<int32_t> ids(static_cast<size_t>(room)), got;
        int64_t found = 0;
        for (int64_t from = 0; from < width;) {
          from = row_above(x.data(), width, from, 1.5f, ids.data(), room, &found);
          CHECK(found <= room);
          got.insert(got.end(), ids.begin(), ids.begin() + found);
        }
        CHECK(got == wanted);
      }
      std::vector<float> weights = x;
      std::vector<double> sums(blocks);
      CHECK(std::fabs(row_weights(weights.data(), width, top, 0.7f, sums.data()) / total - 1) < 1e-6);
      CHECK(compare(weights.data(), serial.data(), weights.size()).max_abs < 3e-7);
      CHECK(compare(sums.data(), serial_sums.data(), blocks).max_rel < 1e-6);
    };
    same(qw::row_largest_serial, qw::row_weights_serial, qw::row_above_serial);
#if defined(__x86_64__)
    if (qw_simd_available(QW_SIMD_AVX2)) same(qw::row_largest_avx2, qw::row_weights_avx2, qw::row_above_avx2);
    if (qw_simd_available(QW_SIMD_AVX512)) same(qw::row_largest_avx512, qw::row_weights_avx512, qw::row_above_avx512);
#elif defined(__aarch64__)
    same(qw::row_largest_neon, qw::row_weights_neon, qw::row_above_neon);
#endif
  }
}

void greedy_takes_the_lowest_of_equal_logits() {
  qw_sampling sampling = plain(40);
  sampling.temperature = 0;
  every_level([&](qw_simd) {
    for (size_t at : {size_t(0), size_t(3), size_t(15), size_t(16), size_t(38)}) {
      std::vector<float> logits(40, -2.0f);
      logits[at] = logits[39] = 1.0f;
      CHECK(Made(sampling).next(logits) == int32_t(at));
    }
  });
  // Equal logits at the border of top-k: the lower ids stay.
  sampling = plain(100);
  sampling.top_k = 3;
  Made made(sampling);
  for (int i = 0; i < 200; ++i) CHECK(made.next(std::vector<float>(100, 0.5f)) < 3);
}

void penalties_count_what_they_should() {
  qw_sampling sampling = plain(4);
  sampling.temperature = 0, sampling.repetition_penalty = 2;
  Made repetition(sampling);
  const int32_t prompt[] = {0, 0, 77};
  qw_sampler_observe(repetition.sampler, prompt, 3);
  CHECK(repetition.next({4, 3, -1, -9}) == 1);   // 4 / 2 < 3, once although seen twice
  CHECK(repetition.next({-2, -3, -3.5, -9}) == 2);  // -4, and -6 of the one just given
  sampling.repetition_penalty = 1, sampling.frequency_penalty = 1, sampling.presence_penalty = 0.5;
  Made frequency(sampling);
  qw_sampler_observe(frequency.sampler, prompt, 3);
  const std::vector<float> logits = {3, 2, 0, 0};
  CHECK(frequency.next(logits) == 0);  // the prompt does not count
  CHECK(frequency.next(logits) == 1);  // 3 - 1 - 0.5 < 2
  CHECK(frequency.next(logits) == 0);  // 1.5 against 0.5
  const int32_t ids[] = {2, 2};
  const float bias[] = {4, 1};
  sampling = plain(4);
  sampling.temperature = 0, sampling.bias_ids = ids, sampling.bias = bias, sampling.bias_count = 2;
  CHECK(Made(sampling).next({3, 4.5, 0, 0}) == 2);
}

void random_numbers_belong_to_places() {
  const std::vector<float> logits = Random(8).vector(300);
  Made one(plain(300)), other(plain(300));
  std::vector<int32_t> tokens;
  for (int i = 0; i < 20; ++i) tokens.push_back(one.next(logits));
  CHECK(qw_sampler_drawn(one.sampler) == 20);
  qw_sampler_set_drawn(other.sampler, 13);
  CHECK(other.next(logits) == tokens[13]);
  qw_sampling sampling = plain(300);
  sampling.seed = 2;
  Made reseeded(sampling);
  int same = 0;
  for (int i = 0; i < 20; ++i) same += reseeded.next(logits) == tokens[size_t(i)] ? 1 : 0;
  CHECK(same < 10);
}

void what_cannot_be_sampled_is_refused() {
  int32_t token = 0;
  Made made(plain(3));
  std::vector<float> broken = {1, NAN, 2};
  CHECK_FAILS(qw_sampler_next(made.sampler, broken.data(), nullptr, &token), QW_INTERNAL, "NaN");
  broken = {1, INFINITY, 2};
  CHECK_FAILS(qw_sampler_next(made.sampler, broken.data(), nullptr, &token), QW_INTERNAL, "infinity");
  std::vector<float> fine = {1, 2, 3};
  const uint32_t nothing = 0;
  CHECK_FAILS(qw_sampler_next(made.sampler, fine.data(), &nothing, &token), QW_INVALID_ARGUMENT, "allowed");
  const auto refused = [](const char* name, auto change) {
    qw_sampling sampling = plain(3);
    change(sampling);
    qw_sampler* sampler = nullptr;
    CHECK_FAILS(qw_sampler_create(&sampling, &sampler), QW_INVALID_ARGUMENT, name);
  };
  refused("temperature", [](qw_sampling& s) { s.temperature = NAN; });
  refused("top_k", [](qw_sampling& s) { s.top_k = -1; });
  refused("top_p", [](qw_sampling& s) { s.top_p = 0; });
  refused("min_p", [](qw_sampling& s) { s.min_p = 1.5; });
  refused("repetition_penalty", [](qw_sampling& s) { s.repetition_penalty = 0; });
  refused("frequency_penalty", [](qw_sampling& s) { s.frequency_penalty = 1e9; });
  refused("presence_penalty", [](qw_sampling& s) { s.presence_penalty = NAN; });
  const int32_t id = 3;
  const float bias = 1;
  refused("token 3", [&](qw_sampling& s) { s.bias_ids = &id, s.bias = &bias, s.bias_count = 1; });
}

}  // namespace

int main() {
  passes_agree_with_serial();
  every_filter_gives_its_distribution();
  every_level_draws_the_same();
  greedy_takes_the_lowest_of_equal_logits();
  penalties_count_what_they_should();
  random_numbers_belong_to_places();
  what_cannot_be_sampled_is_refused();
  return finish("sample");
}
