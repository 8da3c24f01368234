// Time and packed GB/s (m = 1) or GFLOP/s (m > 1) of every linear codec at model shapes:
//   linear_bench [codec] [rows cols] [m]
// Copies of the weight are rotated over more than 64 MiB, so that m = 1 reads memory, as generation does.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "abi/codec.h"
#include "abi/dispatch.h"
#include "linear/bcq/weight.h"
#include "linear/float16.h"
#include "linear/int8/weight.h"
#include "linear/spqr/weight.h"
#include "linear/qrazor/weight.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kRotated = size_t(80) << 20;

struct Variant {
  const char* name;   // as printed and as chosen on the command line
  const char* codec;
  int64_t group_size;
  qw_type type;
  bool order;      // act-order: columns dealt to the groups at random; qrazor: groups along outputs
  float zero_step;  // 0: one zero for all; 1: whole numbers; 0.5: fractions
};

constexpr Variant kVariants[] = {
    {"f32", "dense", 0, QW_F32},   {"f16", "dense", 0, QW_F16},   {"bf16", "dense", 0, QW_BF16}, {"q8-row", "q8", -1, QW_F16},
    {"q8-128", "q8", 128, QW_F16}, {"q8-32", "q8", 32, QW_F16},   {"q4-row", "q4", -1, QW_F16},  {"q4-128", "q4", 128, QW_F16},
    {"q4-32", "q4", 32, QW_F16},   {"q4-128-order", "q4", 128, QW_F16, true, 0},
    {"q4-32-whole", "q4", 32, QW_F16, false, 1},                  {"q4-32-float", "q4", 32, QW_F16, false, 0.5f},
   {"q2-16", "q2", 16, QW_F16},   {"q2-128", "q2", 128, QW_F16}, {"q3-16", "q3", 16, QW_F16},
    {"q3-128", "q3", 128, QW_F16}, {"q5-32", "q5", 32, QW_F16},   {"q5-128", "q5", 128, QW_F16}, {"q6-16", "q6", 16, QW_F16},
    {"q6-128", "q6", 128, QW_F16}, {"w8a8", "w8a8", -1, QW_F16},
    {"w8a8-128", "w8a8_groups", 128, QW_F16}, {"w8a8-32", "w8a8_groups", 32, QW_F16}, {"w4a8-row", "w4a8", -1, QW_F16},
    {"w4a8-128", "w4a8", 128, QW_F16}, {"w4a8-32", "w4a8", 32, QW_F16}, {"w4a8-128-order", "w4a8", 128, QW_F16, true, 0},
    {"w4a8-128-float", "w4a8", 128, QW_F16, false, 0.5f},
    {"spqr3-16", "spqr", 16, QW_F16}, {"spqr2-32", "spqr", 32, QW_F16},
    {"nf4-64", "table4", 64, QW_F32}, {"fp8-128", "f8", 128, QW_F32},
    {"bcq4-128", "bcq4", 128, QW_F16}, {"bcq4-32", "bcq4", 32, QW_F16}, {"bcq4-row", "bcq4", -1, QW_F16},
    {"bcq3-128", "bcq3", 128, QW_F16}, {"bcq2-128", "bcq2", 128, QW_F16}, {"bcq1-128", "bcq1", 128, QW_F16},
    {"qrazor-8", "qrazor", 8, QW_F32}, {"qrazor-32", "qrazor", 32, QW_F32}, {"qrazor-128", "qrazor", 128, QW_F32},
    {"qrazor-128-outputs", "qrazor", 128, QW_F32, true},
    {"qrazor-w4a8-32", "qrazor_int8", 32, QW_F32}, {"qrazor-w4a8-128", "qrazor_int8", 128, QW_F32},
    {"qrazor-w4a8-32-outputs", "qrazor_int8", 32, QW_F32, true},
};

struct Weights {
  std::vector<char> dense;
  std::vector<qw_weight*> copies;
  ~Weights() {
    for (qw_weight* weight : copies) qw_weight_free(weight);
  }
};

void make_dense(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  const size_t bytes = size_t(rows * cols * qw_type_bytes(variant.type));
  const size_t copies = kRotated / bytes + 1;
  out.dense.resize(copies * bytes);
  for (size_t i = 0; i < out.dense.size() / size_t(qw_type_bytes(variant.type)); ++i) {
    qw_write_typed(variant.type, out.dense.data(), int64_t(i), float(int(i * 2654435761u >> 20) - 2048) * 1e-4f);
  }
  for (size_t copy = 0; copy < copies; ++copy) {
    const qw_dense dense = {variant.type, rows, cols, out.dense.data() + copy * bytes};
    qw_weight* weight = nullptr;
    if (qw_weight_dense(&dense, &weight).code == QW_OK) out.copies.push_back(weight);
  }
}

void make_affine(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  const int64_t group_size = variant.group_size < 0 ? cols : variant.group_size, groups = (cols + group_size - 1) / group_size;
  const int bits = variant.codec[0] == 'q' || variant.codec[1] == '4' ? variant.codec[1] - '0' : 8;
  std::vector<uint8_t> codes(size_t(rows * cols));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = uint8_t(i * 2654435761u >> 24) & ((1 << bits) - 1);
  const std::vector<float> scale(size_t(rows * groups), 0.0078125f);
  std::vector<float> zero(size_t(rows * groups));
  for (size_t i = 0; i < zero.size(); ++i) zero[i] = float(1 << (bits - 1)) + float(i % 2) * variant.zero_step;
  std::vector<int32_t> g_idx(size_t(cols), 0);
  for (int64_t column = 0; column < cols; ++column) g_idx[size_t(column)] = int32_t(column / group_size);
  for (size_t column = size_t(cols) - 1; column > 0; --column) std::swap(g_idx[column], g_idx[column * 2654435761u % (column + 1)]);
  const qw_affine affine = {rows, cols, group_size, {QW_CODES_BYTES, 0, 0, codes.data()}, {QW_F32, 0, scale.data()},
                            {QW_F32, 0, zero.data()}, variant.order ? g_idx.data() : nullptr, variant.type};
  size_t total = 0;
  do {
    qw_weight* weight = nullptr;
    const qw_activations activations = {QW_ACTIVATION_TOKEN, 8, QW_ACTIVATION_DASHINFER, 1, 0, 0, 0, 0, 0, 0};
    const qw_status status = variant.codec[0] == 'w' ? qw_weight_int8(&affine, bits, &activations, qw_pool_shared(), &weight)
                                                     : qw_weight_affine(variant.codec, &affine, qw_pool_shared(), &weight);
    if (status.code != QW_OK) {
      std::printf("%s\n", status.message);
      return;
    }
    out.copies.push_back(weight);
    total += weight->bytes;
  } while (total < kRotated);
}

void make_table4(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  std::vector<uint8_t> codes(size_t(rows * cols / 2));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = uint8_t(i * 2654435761u >> 24);
  const std::vector<float> absmax(size_t(rows * cols / variant.group_size), 0.0078125f);
  qw_table4 table4 = {rows, cols, variant.group_size, codes.data(), absmax.data(), {}};
  for (int i = 0; i < 16; ++i) table4.table[i] = float(i - 7) * 0.125f;
  for (size_t total = 0; total < kRotated; total += out.copies.back()->bytes) {
    qw_weight* weight = nullptr;
    if (qw_weight_table4(&table4, qw_pool_shared(), &weight).code != QW_OK) return;
    out.copies.push_back(weight);
  }
}

// Outliers: 1.14 % of the weights of 3 bits, 2.36 % of those of 2 bits, as in the paper.
void make_spqr(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  const int bits = variant.name[4] - '0';
  const int64_t groups = cols / variant.group_size, tiles = rows / 16;
  std::vector<uint8_t> codes(size_t(rows * cols * bits / 8));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = uint8_t(i * 2654435761u >> 24);
  std::vector<uint16_t> second, levels(size_t(tiles * groups * 6)), counts, columns, values;
  for (int64_t i = 0; i < tiles * groups; ++i) second.insert(second.end(), {0x1400, 0xc000, 0x3400, 0xc800});
  for (size_t i = 0; i < levels.size(); ++i) levels[i] = uint16_t(i * 2654435761u >> 16);
  const uint32_t below = uint32_t((bits == 3 ? 0.0114 : 0.0236) * 4294967296.0);
  for (int64_t row = 0; row < rows; ++row) {
    counts.push_back(0);
    for (int64_t column = 0; column < cols; ++column) {
      if (uint32_t((row * cols + column) * 2654435761u) >= below) continue;
      ++counts.back();
      columns.push_back(uint16_t(column));
      values.push_back(0x2c00);
    }
  }
  const auto bytes = [](const std::vector<uint16_t>& from) { return reinterpret_cast<const uint8_t*>(from.data()); };
  const qw_spqr spqr = {rows,           cols,           variant.group_size,      bits,          3,              3,             {QW_CODES_ROWS, bits, 0, codes.data()},
                        nullptr,        bytes(second),  bytes(levels),           int64_t(values.size()), bytes(counts), bytes(columns), bytes(values)};
  for (size_t total = 0; total < kRotated; total += out.copies.back()->bytes) {
    qw_weight* weight = nullptr;
    if (qw_weight_spqr(&spqr, qw_pool_shared(), &weight).code != QW_OK) return;
    out.copies.push_back(weight);
  }
}

void make_f8(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  const size_t bytes = size_t(rows * cols), copies = kRotated / bytes + 1;
  const int64_t block = variant.group_size;
  const std::vector<float> scale(size_t((rows + block - 1) / block * ((cols + block - 1) / block)), 0.0078125f);
  out.dense.resize(copies * bytes);
  for (size_t i = 0; i < out.dense.size(); ++i) out.dense[i] = char((i * 2654435761u >> 24) % 0x7f);
  for (size_t copy = 0; copy < copies; ++copy) {
    const qw_f8 f8 = {QW_F8_E4M3, rows, cols, out.dense.data() + copy * bytes, scale.data(), block, block};
    qw_weight* weight = nullptr;
    if (qw_weight_f8(&f8, &weight).code == QW_OK) out.copies.push_back(weight);
  }
}

void make_bcq(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  const int bits = variant.codec[3] - '0';
  const int64_t group_size = variant.group_size == -1 ? cols : variant.group_size, groups = (cols + group_size - 1) / group_size;
  std::vector<uint32_t> planes(size_t((cols + 31) / 32 * bits * rows));
  for (size_t i = 0; i < planes.size(); ++i) planes[i] = uint32_t(i * 2654435761u ^ i << 7);
  std::vector<uint16_t> alpha(size_t(groups * bits * rows));
  for (size_t i = 0; i < alpha.size(); ++i) alpha[i] = qw_f32_to_f16(0.01f + 1e-4f * float(i % 37));
  const qw_bcq_stored stored = {rows, cols, group_size, bits, planes.data(), QW_F16, alpha.data(), QW_F32, nullptr, nullptr};
  for (size_t total = 0; total < kRotated; total += out.copies.back()->bytes) {
    qw_weight* weight = nullptr;
    if (qw_weight_bcq(&stored, qw_pool_shared(), &weight).code != QW_OK) return;
    out.copies.push_back(weight);
  }
}

void make_qrazor(const Variant& variant, int64_t rows, int64_t cols, Weights& out) {
  std::vector<int8_t> codes(size_t(rows * cols));
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = int8_t(int(uint32_t(i * 2654435761u) >> 28) - 8);
  std::vector<uint8_t> shifts(size_t(rows * cols / variant.group_size));
  for (size_t i = 0; i < shifts.size(); ++i) shifts[i] = uint8_t((uint32_t(i * 2654435761u) >> 24) % 5);
  const std::vector<float> scale(size_t(rows), 0.0078125f);
  const qw_qrazor_stored stored = {rows, cols, variant.group_size, variant.order, 8, 4, {QW_CODES_BYTES, 0, 1, codes.data()}, shifts.data(), scale.data()};
  for (size_t total = 0; total < kRotated; total += out.copies.back()->bytes) {
    qw_weight* weight = nullptr;
    const qw_activations activations = {QW_ACTIVATION_RAZORED, 8, QW_ACTIVATION_DASHINFER, 1, 0, 0, 0, 16, int(variant.group_size), 0};
    const bool integers = std::strcmp(variant.codec, "qrazor_int8") == 0;
    const qw_status status = integers ? qw_weight_qrazor_int8(&stored, &activations, qw_pool_shared(), &weight) : qw_weight_qrazor(&stored, qw_pool_shared(), &weight);
    if (status.code != QW_OK) return;
    out.copies.push_back(weight);
  }
}

// Median and least seconds of a call, over windows of at least 60 ms in all.
void time_calls(const Weights& weights, int64_t m, double* median, double* least) {
  const qw_weight* first = weights.copies[0];
  std::vector<float> x(size_t(m * first->cols), 0.5f), y(size_t(m * first->rows));
  // The sum of four uniform values: near enough to normal, as activations are; w8a8 with AVX2 cares.
  uint32_t state = 1;
  for (float& value : x) {
    int sum = -510;
    for (int part = 0; part < 4; ++part) state = state * 1664525u + 1013904223u, sum += int(state >> 24);
    value = float(sum) * 0.01f;
  }
  std::vector<char> scratch(first->codec->scratch_bytes(first, m));
  std::vector<double> times;
  double total = 0;
  for (size_t call = 0; call < 3 || (total < 0.15 && call < 4000); ++call) {
    const qw_weight* weight = weights.copies[call % weights.copies.size()];
    const auto start = Clock::now();
    weight->codec->matmul(weight, x.data(), first->cols, m, nullptr, y.data(), first->rows, scratch.data(), qw_pool_shared());
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  *median = times[times.size() / 2];
  *least = times[0];
}

}  // namespace

int main(int argc, char** argv) {
  const char* only = argc > 1 ? argv[1] : "all";
  std::vector<std::pair<int64_t, int64_t>> shapes = {{2048, 2048}, {5632, 2048}, {4096, 4096}};
  std::vector<int64_t> counts = {1, 8, 128};
  if (argc > 3) shapes = {{std::atoll(argv[2]), std::atoll(argv[3])}};
  if (argc > 4) counts = {std::atoll(argv[4])};
  std::printf("%s, %d threads; median (least)\n", qw_simd_name(qw_simd_level()), qw_pool_threads(qw_pool_shared()));
  for (const Variant& variant : kVariants) {
    if (std::strcmp(only, "all") != 0 && std::strncmp(only, variant.name, std::strlen(only)) != 0) continue;
    for (const auto& [rows, cols] : shapes) {
      Weights weights;
      if (std::strcmp(variant.codec, "dense") == 0) make_dense(variant, rows, cols, weights);
      else if (std::strcmp(variant.codec, "spqr") == 0) make_spqr(variant, rows, cols, weights);
      else if (std::strcmp(variant.codec, "table4") == 0) make_table4(variant, rows, cols, weights);
      else if (std::strcmp(variant.codec, "f8") == 0) make_f8(variant, rows, cols, weights);
      else if (std::strncmp(variant.codec, "bcq", 3) == 0) make_bcq(variant, rows, cols, weights);
      else if (std::strncmp(variant.codec, "qrazor", 6) == 0) make_qrazor(variant, rows, cols, weights);
      else make_affine(variant, rows, cols, weights);
      if (weights.copies.empty()) return 1;
      for (const int64_t m : counts) {
        double median, least;
        time_calls(weights, m, &median, &least);
        const double bytes = double(weights.copies[0]->bytes), flops = 2.0 * double(rows * cols * m);
        std::printf("  %-7s %5lld x %-5lld m %-4lld %9.1f us (%9.1f)  %6.2f GB/s (%6.2f)  %7.1f GFLOP/s (%7.1f)\n", variant.name,
                    (long long)rows, (long long)cols, (long long)m, median * 1e6, least * 1e6, bytes / median / 1e9, bytes / least / 1e9,
                    flops / median / 1e9, flops / least / 1e9);
      }
    }
  }
  return 0;
}
