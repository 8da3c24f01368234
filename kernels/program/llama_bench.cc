// Decode and prefill tokens/s of a Llama of TinyLlama's shape (1.1B) with made-up weights, without JavaScript:
//   program_llama_bench [codec: q4-32 q4-128 q8-row w8a8 bf16] [new tokens] [prompt tokens] [sequences]
// Beside `node bench/ours.mjs` on the same shape it shows what the caller costs; QUANTWRIGHT_THREADS and QUANTWRIGHT_SIMD as everywhere.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "abi/dispatch.h"
#include "linear/float16.h"
#include "program/program.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kVocabulary = 32000, kHidden = 2048, kHeads = 32, kKvHeads = 4, kHeadDim = 64, kInner = 5632, kLayers = 22;

enum Value { X, N, Q, K, V, A, T, G, U, L, VALUES };
constexpr int64_t kWidths[VALUES] = {kHidden, kHidden, kHeads * kHeadDim, kKvHeads * kHeadDim, kKvHeads * kHeadDim, kHeads * kHeadDim,
                                     kHidden, kInner,  kInner,            kVocabulary};

struct Model {
  std::string codec;
  int64_t group_size = 0;
  uint32_t seed = 1;
  std::vector<std::vector<uint16_t>> tables;
  std::vector<qw_weight*> weights;
  std::vector<qw_op> body, head;
  const std::vector<float> ones = std::vector<float>(kHidden, 1.0f);
  std::vector<float> frequencies;

  explicit Model(const std::string& variant) : codec(variant.substr(0, variant.find('-'))) {
    const std::string tail = variant.find('-') == std::string::npos ? "" : variant.substr(variant.find('-') + 1);
    group_size = tail.empty() || tail == "row" ? 0 : std::atoll(tail.c_str());
    for (int64_t i = 0; i < kHeadDim / 2; ++i) frequencies.push_back(float(std::pow(10000.0, -2.0 * double(i) / double(kHeadDim))));
    build();
  }
  ~Model() {
    for (qw_weight* weight : weights) qw_weight_free(weight);
  }

  uint32_t random() {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
  }

  qw_weight* keep(qw_status status, qw_weight* weight) {
    if (status.code != QW_OK) {
      std::printf("%s\n", status.message);
      std::exit(1);
    }
    weights.push_back(weight);
    return weight;
  }

  qw_weight* dense(int64_t rows, int64_t cols) {
    tables.emplace_back(size_t(rows * cols));
    for (uint16_t& value : tables.back()) value = qw_f32_to_bf16((float(random() & 0xffff) - 32768) * 1e-6f);
    const qw_dense made{QW_BF16, rows, cols, tables.back().data()};
    qw_weight* weight = nullptr;
    const qw_status status = qw_weight_dense(&made, &weight);
    return keep(status, weight);
  }

  qw_weight* packed(int64_t rows, int64_t cols) {
    if (codec == "bf16") return dense(rows, cols);
    const int64_t size = group_size == 0 ? cols : group_size, groups = (cols + size - 1) / size;
    std::vector<uint8_t> codes(size_t(rows * cols));
    const uint8_t mask = codec == "q4" ? 15 : 255;
    for (uint8_t& code : codes) code = uint8_t(random()) & mask;
    const std::vector<float> scale(size_t(rows * groups), 0.001953125f);
    std::vector<float> zero(size_t(rows * groups));
    for (float& value : zero) value = codec == "q4" ? float(6 + random() % 4) : float(120 + random() % 16);
    const qw_affine affine = {rows, cols, size, {QW_CODES_BYTES, 0, 0, codes.data()}, {QW_F32, 0, scale.data()},
                              {QW_F32, 0, zero.data()}, nullptr, QW_F16};
    qw_weight* weight = nullptr;
    const qw_status status = qw_weight_affine(codec.c_str(), &affine, qw_pool_shared(), &weight);
    return keep(status, weight);
  }

  static qw_op op(qw_op_kind kind, int32_t a, int32_t b, int32_t c, int32_t out) {
    qw_op made{};
    made.kind = kind;
    made.in[0] = a, made.in[1] = b, made.in[2] = c, made.out = out;
    return made;
  }
  qw_op norm() const {
    qw_op made = op(QW_OP_RMSNORM, X, 0, 0, N);
    made.vector = ones.data(), made.vector_length = kHidden, made.number = 1e-5f;
    return made;
  }
  qw_op linear(int32_t in, int32_t out) {
    qw_op made = op(QW_OP_LINEAR, in, 0, 0, out);
    made.weight = packed(kWidths[out], kWidths[in]);
    return made;
  }
  qw_op rope(int32_t value, int64_t count) const {
    qw_op made = op(QW_OP_ROPE, value, 0, 0, value);
    made.vector = frequencies.data(), made.vector_length = int64_t(frequencies.size()), made.number = 1.0f;
    made.heads = count, made.head_dim = kHeadDim;
    return made;
  }

  void build() {
    tables.reserve(size_t(kLayers) * 7 + 2);
    qw_op embed = op(QW_OP_EMBED, 0, 0, 0, X);
    embed.weight = dense(kVocabulary, kHidden);
    body.push_back(embed);
    for (int64_t i = 0; i < kLayers; ++i) {
      body.push_back(norm());
      for (const int32_t value : {Q, K, V}) body.push_back(linear(N, value));
      body.push_back(rope(Q, kHeads));
      body.push_back(rope(K, kKvHeads));
      qw_op attention = op(QW_OP_ATTENTION, Q, K, V, A);
      attention.layer = i, attention.heads = kHeads, attention.kv_heads = kKvHeads, attention.head_dim = kHeadDim;
      attention.number = 1.0f / std::sqrt(float(kHeadDim));
      body.push_back(attention);
      body.push_back(linear(A, T));
      body.push_back(op(QW_OP_ADD, X, T, 0, X));
      body.push_back(norm());
      body.push_back(linear(N, G));
      body.push_back(linear(N, U));
      body.push_back(op(QW_OP_SILU_MUL, G, U, 0, G));
      body.push_back(linear(G, T));
      body.push_back(op(QW_OP_ADD, X, T, 0, X));
    }
    head.push_back(norm());
    qw_op logits = op(QW_OP_LINEAR, N, 0, 0, L);
    logits.weight = dense(kVocabulary, kHidden);
    head.push_back(logits);
  }

  size_t bytes_per_token() const {  // the table of embeddings is not read whole
    size_t bytes = 0;
    for (size_t i = 1; i < weights.size(); ++i) bytes += weights[i]->bytes;
    return bytes;
  }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void expect(qw_status status) {
  if (status.code == QW_OK) return;
  std::printf("%s\n", status.message);
  std::exit(1);
}

double seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

}  // namespace

int main(int argc, char** argv) {
  const std::string variant = argc > 1 ? argv[1] : "q4-32";
  const int64_t fresh = argc > 2 ? std::atoll(argv[2]) : 64, prompt = argc > 3 ? std::atoll(argv[3]) : 128;
  const int64_t sequences = argc > 4 ? std::atoll(argv[4]) : 1;
  const Model model(variant);
  const qw_program_spec spec{QW_INPUT_TOKENS, kWidths, VALUES, model.body.data(), int64_t(model.body.size()),
                             model.head.data(), int64_t(model.head.size()), L};
  qw_program* program = nullptr;
  expect(qw_program_create(&spec, &program));
  std::vector<qw_session*> sessions(static_cast<size_t>(sequences));
  for (qw_session*& session : sessions) expect(qw_session_create(program, prompt + fresh + 8, qw_kv_plain(QW_F16), &session));
  std::vector<float> logits(static_cast<size_t>(sequences * kVocabulary));
  std::vector<int32_t> tokens(static_cast<size_t>(prompt));
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = int32_t(300 + i * 7919 % 31000);
  std::vector<double> prefill, decode;
  for (int round = 0; round < 3; ++round) {
    for (qw_session* session : sessions) expect(qw_session_truncate(session, 0));
    auto start = Clock::now();
    expect(qw_program_run(program, sessions[0], tokens.data(), prompt, QW_ROWS_LAST, logits.data(), qw_pool_shared()));
    prefill.push_back(double(prompt) / seconds(start));
    std::vector<qw_part> parts;
    for (size_t i = 0; i < sessions.size(); ++i) parts.push_back({sessions[i], tokens.data() + i % tokens.size(), 1, QW_ROWS_LAST, nullptr});
    start = Clock::now();
    for (int64_t i = 0; i < fresh; ++i) {
      expect(qw_program_run_batch(program, parts.data(), sequences, logits.data(), qw_pool_shared()));
    }
    decode.push_back(double(fresh * sequences) / seconds(start));
  }
  const double rate = median(decode);
  std::printf("%s, %s, %d threads, %lld sequences: prefill %.1f tok/s, decode %.1f tok/s, %.3f GB a step, %.1f GB/s\n", variant.c_str(),
              qw_simd_name(qw_simd_level()), qw_pool_threads(qw_pool_shared()), (long long)sequences, median(prefill), rate,
              double(model.bytes_per_token()) / 1e9, double(model.bytes_per_token()) * rate / double(sequences) / 1e9);
  for (qw_session* session : sessions) qw_session_free(session);
  qw_program_free(program);
  return 0;
}
