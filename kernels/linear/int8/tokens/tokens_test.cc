// Codes of rows must be those of the references' fake quantization, and the same on every level.
#include "linear/int8/tokens/tokens.h"

#include "linear/int8/activations_case.h"

namespace {

using namespace qw_test;

void check_rows(const qw_activations& activations, const std::vector<float>& x, int64_t cols, int64_t* differing, double* farthest) {
  const int half = 1 << (activations.bits - 1);
  for (int64_t row = 0; row < int64_t(x.size()) / cols; ++row) {
    const float* values = x.data() + row * cols;
    const Simulated wanted = simulate(activations, values, cols);
    every_level([&](qw_simd) {
      std::vector<int8_t> q(size_t(cols + 32), int8_t(77));
      const qw_int8_token token = qw_int8_quantize(&activations, values, cols, q.data());
      CHECK(double(token.scale) == wanted.scale);
      CHECK(token.zero == wanted.zero - (wanted.low + half));
      CHECK(token.zero == 0 || qw_int8_has_zeros(&activations));
      int32_t sum = 0;
      for (int64_t k = 0; k < cols; ++k) {
        *differing += int(q[size_t(k)]) != wanted.codes[size_t(k)] - (wanted.low + half);
        sum += q[size_t(k)];
        const double back = (double(q[size_t(k)]) - token.zero) * double(token.scale);
        const bool clipped = wanted.codes[size_t(k)] == wanted.low || wanted.codes[size_t(k)] == wanted.low + 2 * half - 1;
        // Half a step, and what f32 loses in x / s of a row far from 0. Ends of the range may be clipped; dashinfer takes denormal numbers for 0.
        const double step = double(token.scale) + 1e-6 * std::fabs(double(values[k])) + 1e-36;
        if (!clipped) *farthest = std::max(*farthest, std::fabs(back - double(values[k])) / step);
      }
      CHECK(token.sum == sum);
      for (size_t k = size_t(cols); k < q.size(); ++k) CHECK(q[k] == 77);
    });
  }
}

void check_every_rule(Random& random) {
  for (const qw_activations& activations : every_rule({2, 4, 6, 8})) {
    int64_t differing = 0;
    double farthest = 0;
    for (const int64_t cols : {1, 7, 8, 19, 64, 300}) check_rows(activations, hard_rows(cols, random), cols, &differing, &farthest);
    std::printf("  %-22s %lld codes differ on any level; at most %.3f steps off\n", name_of(activations).c_str(), (long long)differing, farthest);
    CHECK(differing == 0);
    CHECK(farthest <= 0.501);
  }
}

void check_not_finite() {
  for (const qw_activations& activations : every_rule({8})) {
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      for (const int64_t at : {0, 7, 20}) {
        std::vector<float> x(21, 0.5f);
        x[size_t(at)] = bad;
        every_level([&](qw_simd) {
          std::vector<int8_t> q(21, int8_t(77));
          const qw_int8_token token = qw_int8_quantize(&activations, x.data(), 21, q.data());
          CHECK(std::isnan(token.scale));
          CHECK(token.sum == 0 && token.zero == 0);
          for (const int8_t code : q) CHECK(code == 0);
        });
      }
    }
  }
  // A range that f32 cannot hold.
  const float wide[2] = {-3e38f, 3e38f};
  for (const bool symmetric : {true, false}) {
    int8_t q[2];
    const qw_activations zeroquant = token_activations(QW_ACTIVATION_ZEROQUANT, 8, symmetric);
    every_level([&](qw_simd) { CHECK(std::isnan(qw_int8_quantize(&zeroquant, wide, 2, q).scale)); });
  }
}

}  // namespace

int main() {
  Random random(61);
  check_every_rule(random);
  check_not_finite();
  return finish("linear/int8/tokens");
}
