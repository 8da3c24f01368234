// Every block type: the packed weight dequantizes to exactly what ggml's dequantize_row_* give (written out below in their order, one block
// at a time), and every level multiplies it right.
#include "linear/gguf/blocks.h"

#include "abi/saved.h"
#include "linear/linear_case.h"
#include "linear/stored.h"

namespace {

using qw_test::Random;

float half(const uint8_t* at) { return qw_f16_to_f32(uint16_t(at[0] | at[1] << 8)); }

void sixth(const uint8_t* q, int j, int* scale, int* minimum) {
  if (j < 4) {
    *scale = q[j] & 63;
    *minimum = q[j + 4] & 63;
  } else {
    *scale = (q[j + 4] & 0xf) | ((q[j - 4] >> 6) << 4);
    *minimum = (q[j + 4] >> 4) | ((q[j] >> 6) << 4);
  }
}

// y [block] and the size of what is summed to it.
void reference_block(qw_gguf_type type, const uint8_t* x, std::vector<float>& y, std::vector<float>& size) {
  const auto put = [&](float scale, int code, int most, float minimum) {
    y.push_back(scale * float(code) - minimum);
    size.push_back(std::fabs(scale) * float(most) + std::fabs(minimum));
  };
  if (type == QW_GGUF_Q8_0) {
    for (int j = 0; j < 32; ++j) put(half(x), int8_t(x[2 + j]), 256, 0);
  } else if (type == QW_GGUF_Q4_0 || type == QW_GGUF_Q4_1) {
    const bool plain = type == QW_GGUF_Q4_0;
    for (int high = 0; high < 2; ++high) {
      for (int j = 0; j < 16; ++j) {
        const int q = high ? x[(plain ? 2 : 4) + j] >> 4 : x[(plain ? 2 : 4) + j] & 15;
        put(half(x), plain ? q - 8 : q, 16, plain ? 0 : -half(x + 2));
      }
    }
  } else if (type == QW_GGUF_Q5_0 || type == QW_GGUF_Q5_1) {
    const bool plain = type == QW_GGUF_Q5_0;
    const uint8_t* bits = x + (plain ? 2 : 4);
    uint32_t qh;
    std::memcpy(&qh, bits, 4);
    for (int j = 0; j < 32; ++j) {
      const uint8_t byte = bits[4 + j % 16];
      const int q = (j < 16 ? byte & 15 : byte >> 4) | int((qh >> j) & 1) << 4;
      put(half(x), plain ? q - 16 : q, 32, plain ? 0 : -half(x + 2));
    }
  } else if (type == QW_GGUF_Q2_K) {
    const float d = half(x + 80), least = half(x + 82);
    int is = 0;
    for (const uint8_t* q = x + 16; q < x + 80; q += 32) {
      for (int shift = 0; shift < 8; shift += 2) {
        for (int part = 0; part < 2; ++part) {
          const uint8_t sc = x[is++];
          for (int l = 0; l < 16; ++l) put(d * float(sc & 15), (q[l + 16 * part] >> shift) & 3, 4, least * float(sc >> 4));
        }
      }
    }
  } else if (type == QW_GGUF_Q3_K) {
    uint32_t packed[3];
    std::memcpy(packed, x + 96, 12);
    int8_t scales[16];
    for (int i = 0; i < 16; ++i) {
      const int low = (packed[i / 4 % 2] >> (8 * (i % 4) + (i < 8 ? 0 : 4))) & 15;
      scales[i] = int8_t(low | int((packed[2] >> (8 * (i % 4) + 2 * (i / 4))) & 3) << 4);
    }
    int is = 0, mask = 1;
    for (const uint8_t* q = x + 32; q < x + 96; q += 32) {
      for (int shift = 0; shift < 8; shift += 2, mask <<= 1) {
        for (int part = 0; part < 2; ++part) {
          const float dl = half(x + 108) * float(scales[is++] - 32);
          for (int l = 16 * part; l < 16 * part + 16; ++l) put(dl, ((q[l] >> shift) & 3) - ((x[l] & mask) ? 0 : 4), 8, 0);
        }
      }
    }
  } else if (type == QW_GGUF_Q4_K || type == QW_GGUF_Q5_K) {
    const bool five = type == QW_GGUF_Q5_K;
    const uint8_t* q = x + (five ? 48 : 16);
    for (int is = 0; is < 8; is += 2, q += 32) {
      for (int high = 0; high < 2; ++high) {
        int sc, m;
        sixth(x + 4, is + high, &sc, &m);
        for (int l = 0; l < 32; ++l) {
          const int low = high ? q[l] >> 4 : q[l] & 15, fifth = five && (x[16 + l] & (1 << (is + high))) ? 16 : 0;
          put(half(x) * float(sc), low + fifth, five ? 32 : 16, half(x + 2) * float(m));
        }
      }
    }
  } else {
    std::vector<float> all(256), sizes(256);
    for (int n = 0; n < 2; ++n) {
      const uint8_t *ql = x + 64 * n, *qh = x + 128 + 32 * n;
      const int8_t* sc = reinterpret_cast<const int8_t*>(x) + 192 + 8 * n;
      for (int l = 0; l < 32; ++l) {
        const int codes[4] = {(ql[l] & 15) | (qh[l] & 3) << 4, (ql[l + 32] & 15) | ((qh[l] >> 2) & 3) << 4, (ql[l] >> 4) | ((qh[l] >> 4) & 3) << 4,
                              (ql[l + 32] >> 4) | (qh[l] >> 6) << 4};
        for (int k = 0; k < 4; ++k) {
          const float scale = half(x + 208) * float(sc[l / 16 + 2 * k]);
          all[size_t(128 * n + 32 * k + l)] = scale * float(codes[k] - 32);
          sizes[size_t(128 * n + 32 * k + l)] = std::fabs(scale) * 64;
        }
      }
    }
    y.insert(y.end(), all.begin(), all.end());
    size.insert(size.end(), sizes.begin(), sizes.end());
  }
}

// Offsets of the f16 in a block.
std::vector<int> halves_of(qw_gguf_type type) {
  switch (type) {
    case QW_GGUF_Q4_0: case QW_GGUF_Q5_0: case QW_GGUF_Q8_0: return {0};
    case QW_GGUF_Q2_K: return {80, 82};
    case QW_GGUF_Q3_K: return {108};
    case QW_GGUF_Q6_K: return {208};
    default: return {0, 2};
  }
}

std::vector<uint8_t> random_blocks(const qw_gguf_facts& facts, int64_t count, Random& random) {
  std::vector<uint8_t> bytes(size_t(count * facts.bytes));
  for (uint8_t& byte : bytes) byte = uint8_t(random.integer(0, 255));
  for (int64_t b = 0; b < count; ++b) {
    for (const int at : halves_of(facts.type)) {
      // Zeros happen in real files: a block of equal weights.
      const uint16_t bits = random.integer(0, 19) == 0 ? 0 : qw_f32_to_f16(float(random.uniform(-0.02, 0.02)));
      std::memcpy(bytes.data() + b * facts.bytes + at, &bits, 2);
    }
  }
  return bytes;
}

qw_status append(void* context, const void* data, size_t bytes) {
  std::vector<char>& to = *static_cast<std::vector<char>*>(context);
  to.insert(to.end(), static_cast<const char*>(data), static_cast<const char*>(data) + bytes);
  return qw_ok();
}

// What is saved and restored stands for the same weights.
void check_saved(const qw_weight* weight, const std::vector<float>& wanted) {
  std::vector<char> bytes;
  CHECK_OK(qw_weight_save(weight, append, &bytes));
  std::vector<char> memory(bytes.size() + 64);
  char* aligned = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64);
  std::memcpy(aligned, bytes.data(), bytes.size());
  qw_weight* restored = nullptr;
  CHECK_OK(qw_weight_restore(aligned, bytes.size(), &restored));
  if (restored == nullptr) return;
  std::vector<float> got(wanted.size());
  restored->codec->dequantize(restored, 0, restored->rows, got.data());
  int64_t wrong = 0;
  for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != wanted[i];
  CHECK(wrong == 0);
  qw_weight_free(restored);
}

void check_type(const qw_gguf_facts& facts, int64_t rows, int64_t cols, Random& random) {
  const std::vector<uint8_t> blocks = random_blocks(facts, rows * cols / facts.block, random);
  std::vector<uint8_t> askew(blocks.size() + 1);
  std::memcpy(askew.data() + 1, blocks.data(), blocks.size());
  qw_weight* weight = nullptr;
  CHECK_OK(qw_weight_gguf(facts.type, rows, cols, askew.data() + 1, qw_pool_shared(), &weight));
  if (weight == nullptr) return;
  std::vector<float> wanted, size;
  for (size_t at = 0; at < blocks.size(); at += size_t(facts.bytes)) reference_block(facts.type, blocks.data() + at, wanted, size);
  std::vector<float> got(wanted.size());
  weight->codec->dequantize(weight, 0, rows, got.data());
  int64_t wrong = 0;
  for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != wanted[i];
  CHECK(wrong == 0);
  check_saved(weight, wanted);
  const std::vector<float> x = random.vector(size_t(40 * cols)), bias = random.vector(size_t(rows));
  double worst[QW_SIMD_LEVELS] = {}, worst_panel[QW_SIMD_LEVELS] = {};
  for (const int64_t m : {1, 2, 3, 4, 7, 8, 9, 33, 40}) {
    const float* with_bias = m % 2 ? bias.data() : nullptr;
    std::vector<double> ignored, bound;
    const std::vector<double> product = qw_test::naive_product(wanted, rows, cols, x.data(), cols, m, with_bias, &ignored);
    qw_test::naive_product(size, rows, cols, x.data(), cols, m, with_bias, &bound);
    qw_test::every_level([&](qw_simd level) {
      const qw_test::Product y(weight, x.data(), cols, m, with_bias);
      double& error = m > QW_GEMV_MOST_ROWS ? worst_panel[level] : worst[level];
      error = std::max(error, qw_test::worst_error(y.y.data(), y.ldy, rows, m, product, bound));
    });
  }
  std::printf("  %s %lldx%lld %s %.4f bits/weight", facts.name, (long long)rows, (long long)cols, weight->codec->name, 8.0 * double(weight->bytes) / double((rows + 15) / 16 * 16 * cols));
  for (int level = 0; level < QW_SIMD_LEVELS; ++level) {
    if (!qw_simd_available(qw_simd(level))) continue;
    std::printf(" %s %.2g %.2g", qw_simd_name(qw_simd(level)), worst[level], worst_panel[level]);
    CHECK(worst[level] < 5e-7);
    CHECK(worst_panel[level] < 3.2e-5);  // 16-bit activations, as in grouped_case.h
  }
  std::printf("\n");
  qw_weight_free(weight);
}

void check_refusals(Random& random) {
  const qw_gguf_facts& facts = *qw_gguf_facts_of(QW_GGUF_Q4_K);
  std::vector<uint8_t> blocks = random_blocks(facts, 40, random);
  qw_weight* weight = nullptr;
  CHECK_FAILS(qw_weight_gguf(QW_GGUF_Q4_K, 40, 128, blocks.data(), qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "no whole blocks of 256");
  CHECK_FAILS(qw_weight_gguf(qw_gguf_type(16), 40, 256, blocks.data(), qw_pool_shared(), &weight), QW_UNSUPPORTED, "no GGUF block type 16");
  blocks[37 * 144 + 1] = 0x7c;  // infinity or NaN
  CHECK_FAILS(qw_weight_gguf(QW_GGUF_Q4_K, 40, 256, blocks.data(), qw_pool_shared(), &weight), QW_INVALID_ARGUMENT, "Q4_K weight: row 37 has a scale that is no finite number");
  CHECK(weight == nullptr);
}

}  // namespace

int main() {
  Random random(11);
  for (const int type : {2, 3, 6, 7, 8, 10, 11, 12, 13, 14}) {
    const qw_gguf_facts* facts = qw_gguf_facts_of(qw_gguf_type(type));
    CHECK(facts != nullptr);
    if (facts == nullptr) continue;
    check_type(*facts, 33, 512, random);
    check_type(*facts, 64, facts->block, random);
    check_type(*facts, 1, 3 * facts->block, random);
  }
  check_refusals(random);
  return qw_test::finish("linear/gguf");
}
