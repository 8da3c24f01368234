#include "linear/stored.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "linear/float16.h"
#include "linear/gguf/blocks.h"
#include "pack/pack.h"

namespace {

constexpr int64_t kParamRows = 16;

int64_t param_index(const qw_affine* affine, const qw_params* params, int64_t groups, int64_t row, int64_t group) {
  return params->by_group ? group * affine->rows + row : row * groups + group;
}

bool finite_half(qw_type type, uint16_t bits) {
  const uint16_t exponent = type == QW_F16 ? 0x7c00 : 0x7f80;
  return (bits & exponent) != exponent;
}

}  // namespace

qw_band qw_read_band(const qw_affine* affine, int64_t band, std::vector<uint8_t>& scratch) {
  const int64_t row = band * QW_BAND_ROWS, count = std::min<int64_t>(QW_BAND_ROWS, affine->rows - row), cols = affine->cols;
  if (affine->codes.layout == QW_CODES_BYTES) return {row, count, static_cast<const uint8_t*>(affine->codes.data) + row * cols, cols};
  // An odd number of cache lines, so that a column of rows does not fall into one set of the cache.
  const int64_t ld = (cols / 128 * 2 + 3) * 64;
  scratch.resize(size_t(QW_BAND_ROWS * ld));
  if (affine->codes.layout == QW_CODES_GGUF) {
    qw_gguf_unpack_band(qw_gguf_type(affine->codes.bits), affine->codes.data, cols, row, count, scratch.data(), ld);
  } else if (affine->codes.layout == QW_CODES_AWQ) {
    qw_unpack_awq_band(affine->codes.data, affine->rows, cols, row, count, scratch.data(), ld);
  } else if (affine->codes.layout == QW_CODES_GPTQ) {
    qw_unpack_gptq_band(affine->codes.data, affine->rows, cols, affine->codes.bits, row, count, scratch.data(), ld);
  } else if (affine->codes.layout == QW_CODES_PLANES) {
    const int64_t plane = qw_plane_codes(affine->rows, cols, affine->group_size, affine->codes.bits);
    qw_unpack_planes_band(affine->codes.data, cols, plane, affine->codes.bits, row, count, scratch.data(), ld);
  } else if (affine->codes.layout == QW_CODES_FIELDS) {
    qw_unpack_fields_band(affine->codes.data, cols, affine->codes.bits, row, count, scratch.data(), ld);
  } else {
    qw_unpack_rows_band(affine->codes.data, cols, affine->codes.bits, row, count, scratch.data(), ld);
  }
  return {row, count, scratch.data(), ld};
}

int qw_stored_offset(const qw_affine* affine, int bits) {
  if (!affine->codes.is_signed) return 0;
  return (1 << (bits - 1)) - (affine->codes.layout == QW_CODES_BYTES ? 0 : 1 << (affine->codes.bits - 1));
}

int64_t qw_read_params(const qw_affine* affine, const qw_params* params, int64_t groups, int64_t row, int64_t group, void* out) {
  const int64_t count = std::min(kParamRows, affine->rows - row), size = qw_type_bytes(affine->scale_type);
  int64_t bad = -1;
  if (params->type == affine->scale_type && params->type != QW_F32 && params->by_group) {
    std::memcpy(out, static_cast<const char*>(params->data) + param_index(affine, params, groups, row, group) * 2, size_t(count) * 2);
    for (int64_t r = count - 1; r >= 0; --r) {
      uint16_t bits;
      std::memcpy(&bits, static_cast<char*>(out) + r * 2, 2);
      if (!finite_half(params->type, bits)) bad = row + r;
    }
  } else {
    for (int64_t r = count - 1; r >= 0; --r) {
      const float value = qw_read_param(affine, params, groups, row + r, group);
      qw_write_typed(affine->scale_type, out, r, value);
      if (!std::isfinite(value) || qw_read_typed(affine->scale_type, out, r) != value) bad = row + r;
    }
  }
  std::memset(static_cast<char*>(out) + count * size, 0, size_t((kParamRows - count) * size));
  return bad;
}

float qw_read_param(const qw_affine* affine, const qw_params* params, int64_t groups, int64_t row, int64_t group) {
  return qw_read_typed(params->type, params->data, param_index(affine, params, groups, row, group));
}

qw_status qw_check_stored(const qw_affine* affine, const char* codec) {
  const qw_codes& codes = affine->codes;
  const bool words = codes.layout == QW_CODES_GPTQ || codes.layout == QW_CODES_ROWS || codes.layout == QW_CODES_FIELDS;
  if (codes.layout == QW_CODES_AWQ) {
    if (codes.bits != 4 || affine->rows % 8 != 0) {
      return qw_error(QW_UNSUPPORTED, "%s weight: AWQ words hold 4 bits of 8 rows each, not %d bits of %lld rows", codec, codes.bits, (long long)affine->rows);
    }
  } else if (codes.layout == QW_CODES_GGUF) {
    if (qw_gguf_facts_of(qw_gguf_type(codes.bits)) == nullptr) return qw_error(QW_UNSUPPORTED, "%s weight: GGUF block type %d", codec, codes.bits);
  } else if (codes.layout == QW_CODES_PLANES) {
    const bool width = codes.bits == 1 || codes.bits == 2 || codes.bits == 3 || codes.bits == 4 || codes.bits == 8;
    if (!width || codes.is_signed || affine->cols % affine->group_size != 0) {
      return qw_error(QW_UNSUPPORTED, "%s weight: planes of %d bits in groups of %lld over %lld columns; 1, 2, 3, 4 and 8 unsigned bits and groups that divide the columns can be read",
                      codec, codes.bits, (long long)affine->group_size, (long long)affine->cols);
    }
  } else if (!words && codes.layout != QW_CODES_BYTES) {
    return qw_error(QW_INVALID_ARGUMENT, "%s weight: code layout %d", codec, int(codes.layout));
  }
  if (words && (codes.bits < 2 || codes.bits > 8)) {
    return qw_error(QW_UNSUPPORTED, "%s weight: words of %d bits; there are 2 to 8", codec, codes.bits);
  }
  for (const qw_type type : {affine->scale.type, affine->zero.type, affine->scale_type}) {
    if (type < QW_F32 || type > QW_BF16) return qw_error(QW_INVALID_ARGUMENT, "%s weight: scale type %d", codec, int(type));
  }
  return qw_ok();
}

qw_status qw_not_exact(const qw_affine* affine, const char* codec, int64_t groups, int64_t row, int64_t group) {
  static const char* const names[] = {"f32", "f16", "bf16"};
  return qw_error(QW_INVALID_ARGUMENT, "%s weight: scale %.9g or zero %.9g of row %lld, group %lld is not exact in %s", codec,
                  qw_read_param(affine, &affine->scale, groups, row, group), qw_read_param(affine, &affine->zero, groups, row, group),
                  (long long)row, (long long)group, names[affine->scale_type]);
}
