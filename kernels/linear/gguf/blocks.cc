#include "linear/gguf/blocks.h"

#include <algorithm>
#include <cstring>

#include "linear/grouped/params.h"

namespace {

constexpr qw_gguf_facts kTypes[] = {
    {QW_GGUF_Q4_0, "Q4_0", "q4", 32, 18, 32, 8, QW_PARAMS_ZERO},
    {QW_GGUF_Q4_1, "Q4_1", "q4", 32, 20, 32, 0, QW_PARAMS_MINIMUM},
    {QW_GGUF_Q5_0, "Q5_0", "q5", 32, 22, 32, 16, QW_PARAMS_ZERO},
    {QW_GGUF_Q5_1, "Q5_1", "q5", 32, 24, 32, 0, QW_PARAMS_MINIMUM},
    {QW_GGUF_Q8_0, "Q8_0", "q8", 32, 34, 32, 128, QW_PARAMS_ZERO},
    {QW_GGUF_Q2_K, "Q2_K", "q2", 256, 84, 16, 0, QW_PARAMS_NIBBLES},
    {QW_GGUF_Q3_K, "Q3_K", "q3", 256, 110, 16, 4, QW_PARAMS_LEVELS},
    {QW_GGUF_Q4_K, "Q4_K", "q4", 256, 144, 32, 0, QW_PARAMS_LEVELS_MINIMUM},
    {QW_GGUF_Q5_K, "Q5_K", "q5", 256, 176, 32, 0, QW_PARAMS_LEVELS_MINIMUM},
    {QW_GGUF_Q6_K, "Q6_K", "q6", 256, 210, 16, 32, QW_PARAMS_LEVELS},
};

// Where a type's parts lie in its block.
constexpr int kQ2Codes = 16, kQ2Scale = 80, kQ3Codes = 32, kQ3Scales = 96, kQ3Scale = 108, kK45Scales = 4, kQ4Codes = 16, kQ5High = 16, kQ5Codes = 48,
              kQ6High = 128, kQ6Scales = 192, kQ6Scale = 208;

uint16_t half_at(const uint8_t* at) { return uint16_t(at[0] | at[1] << 8); }

// 16 bytes of two nibbles: columns 0..15 are low, 16..31 high.
void nibbles(const uint8_t* from, uint8_t* codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = from[j] & 15;
    codes[16 + j] = uint8_t(from[j] >> 4);
  }
}

// Bit j of four bytes is bit 4 of column j.
void fifth_bits(const uint8_t* high, uint8_t* codes) {
  for (int j = 0; j < 32; ++j) codes[j] = uint8_t(codes[j] | ((high[j / 8] >> (j % 8)) & 1) << 4);
}

void unpack_block(qw_gguf_type type, const uint8_t* block, uint8_t* codes) {
  switch (type) {
    case QW_GGUF_Q4_0: nibbles(block + 2, codes); return;
    case QW_GGUF_Q4_1: nibbles(block + 4, codes); return;
    case QW_GGUF_Q5_0:
      nibbles(block + 6, codes);
      fifth_bits(block + 2, codes);
      return;
    case QW_GGUF_Q5_1:
      nibbles(block + 8, codes);
      fifth_bits(block + 4, codes);
      return;
    case QW_GGUF_Q8_0:
      for (int j = 0; j < 32; ++j) codes[j] = uint8_t(block[2 + j] ^ 128);
      return;
    case QW_GGUF_Q2_K:
      for (int part = 0; part < 8; ++part) {
        const uint8_t* from = block + kQ2Codes + part / 4 * 32;
        for (int l = 0; l < 32; ++l) codes[part * 32 + l] = (from[l] >> (part % 4 * 2)) & 3;
      }
      return;
    case QW_GGUF_Q3_K:
      for (int part = 0; part < 8; ++part) {
        const uint8_t* from = block + kQ3Codes + part / 4 * 32;
        for (int l = 0; l < 32; ++l) codes[part * 32 + l] = uint8_t(((from[l] >> (part % 4 * 2)) & 3) | ((block[l] >> part) & 1) << 2);
      }
      return;
    case QW_GGUF_Q4_K:
      for (int part = 0; part < 8; ++part) {
        const uint8_t* from = block + kQ4Codes + part / 2 * 32;
        for (int l = 0; l < 32; ++l) codes[part * 32 + l] = (from[l] >> (part % 2 * 4)) & 15;
      }
      return;
    case QW_GGUF_Q5_K:
      for (int part = 0; part < 8; ++part) {
        const uint8_t* from = block + kQ5Codes + part / 2 * 32;
        for (int l = 0; l < 32; ++l) codes[part * 32 + l] = uint8_t(((from[l] >> (part % 2 * 4)) & 15) | ((block[kQ5High + l] >> part) & 1) << 4);
      }
      return;
    case QW_GGUF_Q6_K:
      for (int part = 0; part < 8; ++part) {
        const uint8_t* low = block + part / 4 * 64 + part % 2 * 32;
        const uint8_t* high = block + kQ6High + part / 4 * 32;
        const int low_shift = part % 4 / 2 * 4, high_shift = part % 4 * 2;
        for (int l = 0; l < 32; ++l) codes[part * 32 + l] = uint8_t(((low[l] >> low_shift) & 15) | ((high[l] >> high_shift) & 3) << 4);
      }
      return;
  }
}

// Of group `index` of a K block: s, and m where the type has one. Q4_K and Q5_K: 6 bits each, the upper two of groups 4..7 apart.
int8_t level_scale(qw_gguf_type type, const uint8_t* block, int index) {
  if (type == QW_GGUF_Q2_K) return int8_t(block[index]);
  if (type == QW_GGUF_Q6_K) return int8_t(block[kQ6Scales + index]);
  if (type == QW_GGUF_Q3_K) {
    const uint8_t* scales = block + kQ3Scales;
    const int low = index < 8 ? scales[index] & 15 : scales[index - 8] >> 4, high = (scales[8 + index % 4] >> (index / 4 * 2)) & 3;
    return int8_t((low | high << 4) - 32);
  }
  const uint8_t* scales = block + kK45Scales;
  return int8_t(index < 4 ? scales[index] & 63 : (scales[index + 4] & 15) | (scales[index - 4] >> 6) << 4);
}

int8_t level_minimum(const uint8_t* block, int index) {
  const uint8_t* scales = block + kK45Scales;
  return int8_t(index < 4 ? scales[index + 4] & 63 : scales[index + 4] >> 4 | (scales[index] >> 6) << 4);
}

int scale_offset(qw_gguf_type type) {
  return type == QW_GGUF_Q2_K ? kQ2Scale : type == QW_GGUF_Q3_K ? kQ3Scale : type == QW_GGUF_Q6_K ? kQ6Scale : 0;
}

bool finite_half(uint16_t half) { return (half & 0x7c00) != 0x7c00; }

}  // namespace

const qw_gguf_facts* qw_gguf_facts_of(qw_gguf_type type) {
  for (const qw_gguf_facts& facts : kTypes) {
    if (facts.type == type) return &facts;
  }
  return nullptr;
}

void qw_gguf_unpack_band(qw_gguf_type type, const void* data, int64_t cols, int64_t row, int64_t count, uint8_t* codes, int64_t ld) {
  const qw_gguf_facts& facts = *qw_gguf_facts_of(type);
  const int64_t blocks = cols / facts.block;
  for (int64_t r = 0; r < count; ++r) {
    const uint8_t* block = static_cast<const uint8_t*>(data) + (row + r) * blocks * facts.bytes;
    for (int64_t b = 0; b < blocks; ++b, block += facts.bytes) unpack_block(type, block, codes + r * ld + b * facts.block);
  }
}

int64_t qw_gguf_pack_params(const qw_affine* affine, int64_t row, uint8_t* params) {
  const qw_gguf_facts& facts = *qw_gguf_facts_of(qw_gguf_type(affine->codes.bits));
  const int64_t blocks = affine->cols / facts.block, count = std::min<int64_t>(QW_TILE_ROWS, affine->rows - row);
  const bool has_minimum = qw_params_have_minimum(facts.form), has_levels = qw_params_have_levels(facts.form);
  const int64_t halves = (has_minimum ? 2 : 1) * QW_TILE_ROWS, groups = has_levels ? facts.block / facts.group_size : 0;
  const int64_t group_bytes = qw_level_group_bytes(facts.form), block_bytes = halves * 2 + groups * group_bytes;
  std::memset(params, 0, size_t(blocks * block_bytes));
  int64_t bad = -1;
  for (int64_t r = count - 1; r >= 0; --r) {
    const uint8_t* block = static_cast<const uint8_t*>(affine->codes.data) + (row + r) * blocks * facts.bytes;
    uint8_t* to = params;
    for (int64_t b = 0; b < blocks; ++b, block += facts.bytes, to += block_bytes) {
      const uint8_t* scale = block + scale_offset(facts.type);
      uint16_t both[2] = {half_at(scale), has_minimum ? half_at(scale + 2) : uint16_t(0)};  // Q3_K and Q6_K end with their scale
      if (facts.form == QW_PARAMS_MINIMUM) both[1] ^= 0x8000;  // the file has what is added
      if (!finite_half(both[0]) || (has_minimum && !finite_half(both[1]))) bad = row + r;
      std::memcpy(to + r * 2, &both[0], 2);
      if (has_minimum) std::memcpy(to + (QW_TILE_ROWS + r) * 2, &both[1], 2);
      uint8_t* own = to + halves * 2 + r;
      for (int g = 0; g < groups; ++g, own += group_bytes) {
        own[0] = uint8_t(level_scale(facts.type, block, g));
        if (facts.form == QW_PARAMS_LEVELS_MINIMUM) own[QW_TILE_ROWS] = uint8_t(level_minimum(block, g));
      }
    }
  }
  return bad;
}

qw_status qw_weight_gguf(qw_gguf_type type, int64_t rows, int64_t cols, const void* data, qw_pool* pool, qw_weight** out) {
  *out = nullptr;
  const qw_gguf_facts* facts = qw_gguf_facts_of(type);
  if (facts == nullptr) return qw_error(QW_UNSUPPORTED, "there is no GGUF block type %d", int(type));
  if (cols % facts->block != 0) {
    return qw_error(QW_INVALID_ARGUMENT, "%s weight: %lld columns are no whole blocks of %lld", facts->name, (long long)cols, (long long)facts->block);
  }
  qw_affine affine{};
  affine.rows = rows;
  affine.cols = cols;
  affine.group_size = facts->group_size;
  affine.codes.layout = QW_CODES_GGUF;
  affine.codes.data = data;
  affine.codes.bits = type;
  affine.scale_type = QW_F16;
  return qw_weight_affine(facts->codec, &affine, pool, out);
}
