// Bands against the simple way: qw_rtn keeps every code as a byte, pack.h and plain loops make the tensors of it. Bit for bit, over dialects, widths, shapes,
// bands and steps.
#include "solve/rtn/packed.h"

#include <string>

#include "linear/float16.h"
#include "pack/pack.h"
#include "testing/check.h"

namespace {

using namespace qw_test;

struct Written {
  std::vector<std::vector<char>> parts;
  int64_t rows_done = 0, most_rows = 0;
  int fail_at = -1;
};

qw_status write_region(void* context, int part, const qw_rtn_region* region) {
  Written& written = *static_cast<Written*>(context);
  if (part == written.fail_at) return qw_error(QW_IO, "no space");
  for (int64_t piece = 0; piece < region->pieces; ++piece) {
    const int64_t to = region->offset + piece * region->stride;
    CHECK(to >= 0 && to + region->piece_bytes <= int64_t(written.parts[size_t(part)].size()));
    std::memcpy(written.parts[size_t(part)].data() + to, static_cast<const char*>(region->data) + piece * region->piece_bytes, size_t(region->piece_bytes));
  }
  return qw_ok();
}

void rows_done(void* context, int64_t row, int64_t count) {
  Written& written = *static_cast<Written*>(context);
  CHECK(row == written.rows_done);
  written.rows_done += count;
  written.most_rows = std::max(written.most_rows, count);
}

struct Plain {
  std::vector<uint8_t> codes;
  std::vector<float> scale, zero;
  int is_signed = 0;
  int64_t groups = 0;
  qw_rtn_result result{};
};

std::vector<char> expected(const qw_rtn_part& part, const qw_rtn_options& options, const qw_dense& source, const Plain& plain) {
  const int64_t rows = source.rows, cols = source.cols, groups = plain.groups;
  const int half = 1 << (options.bits - 1), mask = (1 << options.bits) - 1;
  std::vector<uint8_t> unsigned_codes = plain.codes;
  if (plain.is_signed) {
    for (uint8_t& code : unsigned_codes) code = uint8_t(code + half);
  }
  const auto zero_of = [&](int64_t row, int64_t group) { return int(plain.zero[size_t(row * groups + group)]) + (plain.is_signed ? half : 0); };
  std::vector<char> out;
  const auto floats = [&](const std::vector<float>& values, bool by_group) {
    out.resize(size_t(rows * groups * qw_type_bytes(part.type)));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t group = 0; group < groups; ++group) {
        qw_write_typed(part.type, out.data(), by_group ? group * rows + row : row * groups + group, values[size_t(row * groups + group)]);
      }
    }
  };
  const auto words = [&](int64_t count) {
    out.resize(size_t(count * 4));
    return reinterpret_cast<uint32_t*>(out.data());
  };
  switch (part.kind) {
    case QW_RTN_CODE_BYTES:
      for (uint8_t code : unsigned_codes) out.push_back(char(part.is_signed ? code - half : code));
      break;
    case QW_RTN_CODE_WORDS_BY_COLUMN:
      CHECK_OK(qw_pack_gptq(unsigned_codes.data(), rows, cols, options.bits, qw_pool_shared(), words(qw_pack_words(cols, options.bits) * rows)));
      break;
    case QW_RTN_CODE_WORDS_BY_ROW:
      CHECK_OK(qw_pack_rows(unsigned_codes.data(), rows, cols, options.bits, qw_pool_shared(), words(qw_pack_words(cols, options.bits) * rows)));
      break;
    case QW_RTN_SCALES_BY_ROW: floats(plain.scale, false); break;
    case QW_RTN_SCALES_BY_GROUP: floats(plain.scale, true); break;
    case QW_RTN_ZEROS_BY_ROW: floats(plain.zero, false); break;
    case QW_RTN_ZEROS_BY_GROUP: floats(plain.zero, true); break;
    case QW_RTN_ZERO_BYTES:
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t group = 0; group < groups; ++group) out.push_back(char(zero_of(row, group) - half));
      }
      break;
    case QW_RTN_ZERO_WORDS_BY_GROUP:
    case QW_RTN_ZERO_WORDS_BY_ROW: {
      std::vector<uint8_t> turned(size_t(rows * groups));
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t group = 0; group < groups; ++group) turned[size_t(group * rows + row)] = uint8_t((zero_of(row, group) - part.less) & mask);
      }
      uint32_t* to = words(qw_pack_words(rows, options.bits) * groups);
      if (part.kind == QW_RTN_ZERO_WORDS_BY_GROUP) CHECK_OK(qw_pack_rows(turned.data(), groups, rows, options.bits, qw_pool_shared(), to));
      else CHECK_OK(qw_pack_gptq(turned.data(), groups, rows, options.bits, qw_pool_shared(), to));
      break;
    }
  }
  return out;
}

Plain plainly(const qw_dense& source, const qw_rtn_options& options) {
  Plain plain;
  CHECK_OK(qw_rtn_plan(&options, source.rows, source.cols, &plain.is_signed, &plain.groups));
  plain.codes.resize(size_t(source.rows * source.cols));
  plain.scale.resize(size_t(source.rows * plain.groups));
  plain.zero.resize(plain.scale.size());
  CHECK_OK(qw_rtn(&source, &options, qw_pool_shared(), plain.codes.data(), plain.scale.data(), plain.zero.data(), &plain.result));
  return plain;
}

void check_case(const qw_rtn_options& options, const qw_dense& source, const std::vector<qw_rtn_part>& parts, int64_t band_rows, int64_t step_rows) {
  const Plain plain = plainly(source, options);
  Written written;
  for (const qw_rtn_part& part : parts) written.parts.emplace_back(size_t(qw_rtn_part_bytes(&part, &options, source.rows, source.cols)));
  const qw_rtn_out out = {&written, write_region, options.mse ? nullptr : rows_done, band_rows, step_rows};
  qw_rtn_result result;
  CHECK_OK(qw_rtn_packed(&source, &options, parts.data(), int(parts.size()), &out, qw_pool_shared(), &result));
  for (size_t p = 0; p < parts.size(); ++p) CHECK(written.parts[p] == expected(parts[p], options, source, plain));
  CHECK(result.sqnr_db == plain.result.sqnr_db && result.mse == plain.result.mse && result.not_finite_row == -1);
  if (!options.mse) CHECK(written.rows_done == source.rows && written.most_rows <= std::max<int64_t>(step_rows, 1));
}

std::vector<char> drawn(qw_type type, int64_t count, Random& random) {
  std::vector<char> stored(size_t(count * qw_type_bytes(type)) + 1);
  for (int64_t i = 0; i < count; ++i) qw_write_typed(type, stored.data() + 1, i, float(random.uniform(-1, 1.5)));
  return stored;
}

void check_every_layout(Random& random) {
  const int64_t shapes[][2] = {{1, 1}, {31, 40}, {32, 64}, {96, 100}, {130, 257}};
  const struct {
    qw_rtn_dialect dialect;
    int symmetric, is_signed, integer_zeros;
  } dialects[] = {{QW_RTN_INSTANT_QUANT, 0, 1, 0}, {QW_RTN_INSTANT_QUANT, 0, 0, 0}, {QW_RTN_IST, 1, 0, 1},
                  {QW_RTN_IST, 0, 0, 1},           {QW_RTN_QLLM, 1, 0, 1},          {QW_RTN_COMPRESSED_TENSORS, 0, 0, 1},
                  {QW_RTN_ZEROQUANT, 1, 0, 1},     {QW_RTN_ZEROQUANT, 0, 0, 0}};
  for (const auto& shape : shapes) {
    for (const auto& dialect : dialects) {
      for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
        if (dialect.dialect == QW_RTN_ZEROQUANT && bits == 2 && !dialect.symmetric) continue;
        qw_rtn_options options{};
        options.dialect = dialect.dialect;
        options.bits = bits;
        options.symmetric = dialect.symmetric;
        options.is_signed = dialect.is_signed;
        options.group_size = random.integer(0, 2) == 0 ? -1 : std::min<int64_t>(shape[1], 32);
        options.scale_type = qw_type(random.integer(0, 2));
        const qw_type type = qw_type(random.integer(0, 2));
        const std::vector<char> stored = drawn(type, shape[0] * shape[1], random);
        const qw_dense source = {type, shape[0], shape[1], stored.data() + 1};
        const auto part = [&](qw_rtn_part_kind kind, int less) { return qw_rtn_part{kind, options.scale_type, int(random.integer(0, 1)), less}; };
        const int64_t band = 32 * random.integer(1, 4), step = 32 * random.integer(1, 2);
        check_case(options, source, {part(QW_RTN_CODE_WORDS_BY_COLUMN, 0), part(QW_RTN_SCALES_BY_GROUP, 0), part(QW_RTN_ZEROS_BY_GROUP, 0)}, band, step);
        check_case(options, source, {part(QW_RTN_CODE_WORDS_BY_ROW, 0), part(QW_RTN_SCALES_BY_ROW, 0), part(QW_RTN_ZEROS_BY_ROW, 0)}, band, step);
        check_case(options, source, {part(QW_RTN_CODE_BYTES, 0)}, band, step);
        if (!dialect.integer_zeros) continue;
        check_case(options, source, {part(QW_RTN_ZERO_BYTES, 0), part(QW_RTN_ZERO_WORDS_BY_GROUP, 1), part(QW_RTN_ZERO_WORDS_BY_ROW, 0)}, band, step);
      }
    }
  }
}

void check_search(Random& random) {
  qw_rtn_options options{};
  options.dialect = QW_RTN_INC;
  options.bits = 4;
  options.symmetric = 1;
  options.group_size = 32;
  options.mse = 1;
  const std::vector<char> stored = drawn(QW_F32, 100 * 64, random);
  check_case(options, {QW_F32, 100, 64, stored.data() + 1}, {{QW_RTN_CODE_WORDS_BY_COLUMN, QW_F32, 0, 0}, {QW_RTN_SCALES_BY_GROUP, QW_F32, 0, 0}}, 64, 32);
}

void check_failures() {
  std::vector<float> values(64 * 32, 0.5f);
  values[40 * 32 + 3] = NAN;
  const qw_dense source = {QW_F32, 64, 32, values.data()};
  qw_rtn_options options{};
  options.dialect = QW_RTN_IST;
  options.bits = 4;
  options.group_size = -1;
  const qw_rtn_part part = {QW_RTN_CODE_WORDS_BY_COLUMN, QW_F32, 0, 0};
  Written written;
  written.parts.emplace_back(size_t(qw_rtn_part_bytes(&part, &options, 64, 32)));
  qw_rtn_out out = {&written, write_region, nullptr, 32, 32};
  qw_rtn_result result;
  CHECK_OK(qw_rtn_packed(&source, &options, &part, 1, &out, qw_pool_shared(), &result));
  CHECK(result.not_finite_row == 40 && result.not_finite_col == 3);
  written.fail_at = 0;
  CHECK_FAILS(qw_rtn_packed(&source, &options, &part, 1, &out, qw_pool_shared(), &result), QW_IO, "no space");
  out.band_rows = 33;
  CHECK_FAILS(qw_rtn_packed(&source, &options, &part, 1, &out, qw_pool_shared(), &result), QW_INVALID_ARGUMENT, "multiples of 32");
  out.band_rows = 32;
  CHECK_FAILS(qw_rtn_packed(&source, &options, &part, 0, &out, qw_pool_shared(), &result), QW_INVALID_ARGUMENT, "0 parts");
  options.bits = 9;
  CHECK_FAILS(qw_rtn_packed(&source, &options, &part, 1, &out, qw_pool_shared(), &result), QW_UNSUPPORTED, "9 bits");
  options.dialect = QW_RTN_ZEROQUANT, options.bits = 1, options.symmetric = 1;
  CHECK_FAILS(qw_rtn_packed(&source, &options, &part, 1, &out, qw_pool_shared(), &result), QW_UNSUPPORTED, "1 bit");
}

}  // namespace

int main() {
  Random random(6);
  check_every_layout(random);
  check_search(random);
  check_failures();
  return finish("solve/rtn/packed");
}
