#include "observe/observe.h"

#include <limits>

#include "observe/triangle.h"

#include "testing/check.h"

using namespace qw_test;

static void absmax_is_exact(int64_t rows, int64_t width) {
  Random random(uint64_t(rows * 7 + width));
  const std::vector<float> x = random.vector(size_t(rows * width));
  std::vector<float> wanted(size_t(width), 0.25f);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) wanted[size_t(i)] = std::max(wanted[size_t(i)], std::fabs(x[size_t(r * width + i)]));
  }
  every_level([&](qw_simd) {
    std::vector<float> running(size_t(width), 0.25f);
    qw_absmax(x.data(), rows, width, running.data(), qw_pool_shared());
    CHECK(running == wanted);
  });
}

static void absmax_keeps_what_is_not_finite() {
  every_level([](qw_simd) {
    std::vector<float> running(40, 0.0f), x(40, -3.0f);
    x[1] = -INFINITY;
    x[20] = NAN;
    qw_absmax(x.data(), 1, 40, running.data(), qw_pool_shared());
    std::fill(x.begin(), x.end(), 5.0f);
    qw_absmax(x.data(), 1, 40, running.data(), qw_pool_shared());
    CHECK(running[0] == 5.0f);
    CHECK(std::isinf(running[1]));
    CHECK(std::isnan(running[20]));
  });
}

static void hessian_is_the_gram_matrix(int64_t rows, int64_t width) {
  Random random(uint64_t(rows * 13 + width));
  const std::vector<float> x = random.vector(size_t(rows * width));
  std::vector<double> wanted(size_t(width * width), 1.0);
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      for (int64_t r = 0; r < rows; ++r) wanted[size_t(i * width + j)] += double(x[size_t(r * width + i)]) * double(x[size_t(r * width + j)]);
    }
  }
  every_level([&](qw_simd level) {
    std::vector<float> triangle(size_t(qw_hessian_size(width))), scratch(size_t(qw_hessian_scratch(rows, width)));
    std::vector<float> gram(size_t(width * width), 1.0f);
    qw_hessian_pack(gram.data(), width, triangle.data());
    qw_hessian(x.data(), rows, width, triangle.data(), scratch.data(), qw_pool_shared());
    qw_hessian_unpack(triangle.data(), width, gram.data());
    CHECK(qw_hessian_not_finite(triangle.data(), width) == -1);
    triangle[size_t(qw::symmetric_at(width, width - 1, width - 1))] = INFINITY;
    CHECK(qw_hessian_not_finite(triangle.data(), width) == width - 1);
    const Errors errors = compare(gram.data(), wanted.data(), gram.size());
    char name[64];
    std::snprintf(name, sizeof name, "%s hessian of [%lld, %lld]", qw_simd_name(level), (long long)rows, (long long)width);
    errors.print(name);
    CHECK(errors.normalised() < 1e-6);
  });
}

static void ranges_are_exact(int64_t rows, int64_t width) {
  Random random(uint64_t(rows * 11 + width));
  std::vector<float> x = random.vector(size_t(rows * width));
  std::vector<float> wanted;
  for (int64_t r = 0; r < rows; ++r) {
    const auto [low, high] = std::minmax_element(x.begin() + r * width, x.begin() + (r + 1) * width);
    wanted.insert(wanted.end(), {*low, *high});
  }
  every_level([&](qw_simd) {
    std::vector<float> out(size_t(2 * rows));
    qw_range(x.data(), rows, width, out.data(), qw_pool_shared());
    CHECK(out == wanted);
  });
  x[size_t(rows * width / 2)] = NAN;
  x[size_t(width - 1)] = rows > 1 ? INFINITY : NAN;
  every_level([&](qw_simd) {
    std::vector<float> out(size_t(2 * rows));
    qw_range(x.data(), rows, width, out.data(), qw_pool_shared());
    for (int64_t r = 0; r < rows; ++r) {
      const bool spoilt = r == (rows * width / 2) / width || (rows == 1 && r == 0);
      CHECK(std::isnan(out[size_t(2 * r)]) == spoilt && std::isnan(out[size_t(2 * r + 1)]) == spoilt);
      if (r == 0 && !spoilt) CHECK(std::isinf(out[1]));
    }
  });
}

// Against a count of its own for every bin, with edges by division in double.
static void histograms_count_every_value(int64_t rows, int64_t width, int64_t bins) {
  Random random(uint64_t(rows * 17 + width + bins));
  std::vector<float> x = random.vector(size_t(rows * width));
  for (size_t i = 0; i < x.size(); i += 3) x[i] = std::ldexp(1.0f, int(i % 12) - 6) * (i % 2 == 0 ? 1.0f : -1.0f);  // on edges
  for (size_t i = 1; i < x.size(); i += 7) x[i] = 0;
  std::vector<float> ordered = x;
  std::reverse(ordered.begin(), ordered.end());
  float low = 0, high = 0;
  for (const float value : x) low = std::min(low, value), high = std::max(high, value);
  double limit = std::ldexp(1.0, -64);
  while (!(limit > double(std::max(high, -low)))) limit *= 2;
  std::vector<uint64_t> wanted(size_t(bins), 0);
  for (const float value : x) wanted[size_t(std::floor(double(value) / (2 * limit / double(bins))) + double(bins / 2))] += 1;
  every_level([&](qw_simd) {
    qw::Histogram whole(bins), by_rows(bins);
    whole.add(x.data(), rows, width, qw_pool_shared());
    // Row by row and from behind: the limit grows at other times.
    for (int64_t r = 0; r < rows; ++r) by_rows.add(ordered.data() + r * width, 1, width, qw_pool_shared());
    CHECK(double(whole.limit) == limit && whole.low == low && whole.high == high);
    CHECK(whole.counts == wanted);
    CHECK(double(by_rows.limit) == limit && by_rows.low == low && by_rows.high == high);
    CHECK(by_rows.counts == wanted);
  });
}

static void histograms_say_what_they_cannot_count() {
  every_level([](qw_simd) {
    for (const float bad : {NAN, INFINITY, -INFINITY, 0x1p126f}) {
      std::vector<float> x(40, 1.0f);
      x[21] = bad;
      qw::Histogram histogram(64);
      histogram.add(x.data(), 1, 40, qw_pool_shared());
      CHECK(std::isinf(histogram.limit));
      x[21] = 1.0f;
      histogram.add(x.data(), 1, 40, qw_pool_shared());
      CHECK(std::isinf(histogram.limit));
    }
    const std::vector<float> zeros(40, 0.0f), tiny(40, -std::numeric_limits<float>::denorm_min());
    qw::Histogram histogram(64);
    histogram.add(zeros.data(), 1, 40, qw_pool_shared());
    CHECK(histogram.limit == 0 && histogram.counts[32] == 40);
    histogram.add(tiny.data(), 1, 40, qw_pool_shared());
    CHECK(histogram.limit == 0x1p-64f && histogram.counts[32] == 40 && histogram.counts[31] == 40);
  });
}

int main() {
  for (int64_t width : {1, 9, 16, 100, 1024}) absmax_is_exact(37, width);
  absmax_is_exact(1, 5000);
  absmax_keeps_what_is_not_finite();
  for (int64_t width : {1, 8, 31, 33, 100, 160}) hessian_is_the_gram_matrix(65, width);
  hessian_is_the_gram_matrix(256, 200);
  for (int64_t width : {1, 5, 8, 9, 16, 31, 100, 1031}) ranges_are_exact(33, width);
  ranges_are_exact(1, 20000);
  for (int64_t bins : {16, 256, 2048}) {
    for (int64_t width : {1, 7, 40, 1000}) histograms_count_every_value(23, width, bins);
  }
  histograms_count_every_value(300, 1100, 2048);
  histograms_say_what_they_cannot_count();
  return finish("observe");
}
