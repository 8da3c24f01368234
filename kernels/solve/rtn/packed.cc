#include "solve/rtn/packed.h"

#include <cstring>
#include <new>

#include "pack/pack.h"
#include "solve/rtn/bands.h"
#include "solve/rtn/rounding.h"
#include "solve/rtn/squeeze.h"
#include "solve/rtn/turn.h"

namespace {

constexpr int64_t kTile = QW_RTN_TILE_ROWS;

struct Shape {
  int64_t rows, cols, groups;
  int bits;
  int64_t words() const { return qw_pack_words(cols, bits); }
};

// How the rows [first, first + count) of a part lie in it; first is a multiple of 32.
qw_rtn_region region_of(const qw_rtn_part& part, const Shape& shape, int64_t first, int64_t count) {
  const auto lines = [&](int64_t bytes) { return qw_rtn_region{first * bytes, 0, 1, count * bytes, nullptr}; };
  const auto columns = [&](int64_t pieces, int64_t bytes) { return qw_rtn_region{first * bytes, shape.rows * bytes, pieces, count * bytes, nullptr}; };
  const int64_t zero_words = qw_pack_words(count, shape.bits), words_before = first * shape.bits / 32;
  switch (part.kind) {
    case QW_RTN_CODE_BYTES: return lines(shape.cols);
    case QW_RTN_CODE_WORDS_BY_COLUMN: return columns(shape.words(), 4);
    case QW_RTN_CODE_WORDS_BY_ROW: return lines(shape.words() * 4);
    case QW_RTN_SCALES_BY_ROW:
    case QW_RTN_ZEROS_BY_ROW: return lines(shape.groups * qw_type_bytes(part.type));
    case QW_RTN_SCALES_BY_GROUP:
    case QW_RTN_ZEROS_BY_GROUP: return columns(shape.groups, qw_type_bytes(part.type));
    case QW_RTN_ZERO_BYTES: return lines(shape.groups);
    case QW_RTN_ZERO_WORDS_BY_GROUP:
      return {words_before * 4, qw_pack_words(shape.rows, shape.bits) * 4, shape.groups, zero_words * 4, nullptr};
    case QW_RTN_ZERO_WORDS_BY_ROW: return {words_before * shape.groups * 4, 0, 1, zero_words * shape.groups * 4, nullptr};
  }
  return {};
}

struct Memory {
  explicit Memory(int64_t count) : bytes(size_t(count)), data(qw::take_band(bytes)) {
    if (data == nullptr) throw std::bad_alloc();
  }
  ~Memory() { qw::keep_band(data, bytes); }
  Memory(Memory&& other) noexcept : bytes(other.bytes), data(other.data) { other.data = nullptr; }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  size_t bytes;
  char* data;
};

// What a thread needs for a tile.
struct Scratch {
  std::vector<float> x, scale, zero;  // scale and zero: [32, groups]
  std::vector<uint8_t> codes;         // of a row
  std::vector<uint32_t> words;        // [32, words of a row and padding]
};

class Packing {
 public:
  Packing(qw::RtnRounding& rounding, const qw_rtn_options& options, const qw_rtn_part* parts, int count, int64_t band_rows, int threads)
      : rounding_(rounding),
        shape_{rounding.source.rows, rounding.source.cols, rounding.groups, options.bits},
        parts_(parts),
        count_(count),
        flip_(uint8_t(rounding.is_signed ? 1 << (options.bits - 1) : 0)),
        scratch_(size_t(threads)) {
    row_words_ = (shape_.cols + QW_PACK_RUN - 1) / QW_PACK_RUN * shape_.bits;
    for (int p = 0; p < count_; ++p) {
      const qw_rtn_region region = region_of(parts_[p], shape_, 0, band_rows);
      buffers_.emplace_back(region.pieces * region.piece_bytes);
    }
    for (Scratch& scratch : scratch_) {
      scratch.x.resize(size_t(shape_.cols));
      scratch.scale.resize(size_t(kTile * shape_.groups));
      scratch.zero.resize(size_t(kTile * shape_.groups));
      scratch.codes.resize(size_t((shape_.cols + QW_PACK_RUN - 1) / QW_PACK_RUN * QW_PACK_RUN));
      scratch.words.resize(size_t(kTile * row_words_));
    }
  }

  void begin_band(int64_t first, int64_t count) {
    first_ = first;
    rows_ = count;
  }

  qw_rtn_region region(int part) const {
    qw_rtn_region region = region_of(parts_[part], shape_, first_, rows_);
    region.data = buffers_[size_t(part)].data;
    return region;
  }

  // Up to 32 rows from row first_ + at of the matrix.
  void tile(int64_t at, int64_t count, int thread) {
    Scratch& scratch = scratch_[size_t(thread)];
    std::memset(scratch.scale.data(), 0, scratch.scale.size() * 4);
    std::memset(scratch.zero.data(), 0, scratch.zero.size() * 4);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = first_ + at + i;
      if (!rounding_.read_row(row, scratch.x.data())) continue;
      rounding_.round_row(row, scratch.x.data(), scratch.codes.data(), &scratch.scale[size_t(i * shape_.groups)],
                          &scratch.zero[size_t(i * shape_.groups)]);
      for (int p = 0; p < count_; ++p) keep_codes(p, at + i, i, scratch);
    }
    for (int p = 0; p < count_; ++p) keep_tile(p, at, count, scratch);
  }

 private:
  void keep_codes(int p, int64_t row, int64_t in_tile, Scratch& scratch) {
    char* out = buffers_[size_t(p)].data;
    switch (parts_[p].kind) {
      case QW_RTN_CODE_BYTES: {
        uint8_t* bytes = reinterpret_cast<uint8_t*>(out) + row * shape_.cols;
        const bool moved = (parts_[p].is_signed != 0) != (rounding_.is_signed != 0);
        // Between signed and unsigned codes lies 2^(bits-1), added or taken away modulo 256.
        const int shift = !moved ? 0 : rounding_.is_signed ? 1 << (shape_.bits - 1) : 256 - (1 << (shape_.bits - 1));
        for (int64_t i = 0; i < shape_.cols; ++i) bytes[i] = uint8_t(scratch.codes[size_t(i)] + shift);
        break;
      }
      case QW_RTN_CODE_WORDS_BY_COLUMN: squeeze(scratch, &scratch.words[size_t(in_tile * row_words_)]); break;
      case QW_RTN_CODE_WORDS_BY_ROW:
        squeeze(scratch, scratch.words.data());
        std::memcpy(out + row * shape_.words() * 4, scratch.words.data(), size_t(shape_.words() * 4));
        break;
      default: break;
    }
  }

  void squeeze(Scratch& scratch, uint32_t* words) {
    if (!qw_is_little_endian()) return squeeze_slowly(scratch, words);
    switch (shape_.bits) {
      case 2: return qw::squeeze_row<2>(scratch.codes.data(), shape_.cols, flip_, words);
      case 3: return qw::squeeze_row<3>(scratch.codes.data(), shape_.cols, flip_, words);
      case 4: return qw::squeeze_row<4>(scratch.codes.data(), shape_.cols, flip_, words);
      case 5: return qw::squeeze_row<5>(scratch.codes.data(), shape_.cols, flip_, words);
      case 6: return qw::squeeze_row<6>(scratch.codes.data(), shape_.cols, flip_, words);
      case 7: return qw::squeeze_row<7>(scratch.codes.data(), shape_.cols, flip_, words);
      default: return qw::squeeze_row<8>(scratch.codes.data(), shape_.cols, flip_, words);
    }
  }

  void squeeze_slowly(Scratch& scratch, uint32_t* words) {
    std::fill(words, words + row_words_, 0u);
    for (int64_t i = 0; i < shape_.cols; ++i) put(words, i, uint32_t(scratch.codes[size_t(i)] ^ flip_));
    for (int64_t w = 0; w < row_words_; ++w) words[w] = qw_little_endian(words[w]);
  }

  // Code i of a stream of words that are still values.
  void put(uint32_t* words, int64_t i, uint32_t code) const {
    const int64_t bit = i * shape_.bits;
    const uint64_t shifted = uint64_t(code & ((1u << shape_.bits) - 1)) << (bit % 32);
    words[bit / 32] |= uint32_t(shifted);
    if (shifted >> 32 != 0) words[bit / 32 + 1] |= uint32_t(shifted >> 32);
  }

  // Rows [at, at + count) of the band.
  void keep_tile(int p, int64_t at, int64_t count, const Scratch& scratch) {
    char* out = buffers_[size_t(p)].data;
    const qw_rtn_part& part = parts_[p];
    switch (part.kind) {
      case QW_RTN_CODE_WORDS_BY_COLUMN: {
        uint32_t* words = reinterpret_cast<uint32_t*>(out);
        qw::turn_words(scratch.words.data(), row_words_, count, shape_.words(), words + at, rows_);
        break;
      }
      case QW_RTN_SCALES_BY_ROW: keep_floats(part.type, out, at, count, scratch.scale, false); break;
      case QW_RTN_SCALES_BY_GROUP: keep_floats(part.type, out, at, count, scratch.scale, true); break;
      case QW_RTN_ZEROS_BY_ROW: keep_floats(part.type, out, at, count, scratch.zero, false); break;
      case QW_RTN_ZEROS_BY_GROUP: keep_floats(part.type, out, at, count, scratch.zero, true); break;
      case QW_RTN_ZERO_BYTES:
        for (int64_t i = 0; i < count * shape_.groups; ++i) {
          out[at * shape_.groups + i] = char(int(scratch.zero[size_t(i)]) + flip_ - (1 << (shape_.bits - 1)));
        }
        break;
      case QW_RTN_ZERO_WORDS_BY_GROUP:
      case QW_RTN_ZERO_WORDS_BY_ROW: keep_zero_words(part, reinterpret_cast<uint32_t*>(out), at, count, scratch); break;
      default: break;
    }
  }

  void keep_floats(qw_type type, char* out, int64_t at, int64_t count, const std::vector<float>& values, bool by_group) {
    for (int64_t group = 0; group < shape_.groups; ++group) {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t place = by_group ? group * rows_ + at + i : (at + i) * shape_.groups + group;
        qw_write_typed(type, out, place, values[size_t(i * shape_.groups + group)]);
      }
    }
  }

  void keep_zero_words(const qw_rtn_part& part, uint32_t* out, int64_t at, int64_t count, const Scratch& scratch) {
    const int64_t line = qw_pack_words(rows_, shape_.bits), before = at * shape_.bits / 32, used = qw_pack_words(count, shape_.bits);
    for (int64_t group = 0; group < shape_.groups; ++group) {
      uint32_t words[8] = {};  // 32 codes
      for (int64_t i = 0; i < count; ++i) put(words, i, uint32_t(int(scratch.zero[size_t(i * shape_.groups + group)]) + flip_ - part.less));
      for (int64_t w = 0; w < used; ++w) {
        const int64_t place = part.kind == QW_RTN_ZERO_WORDS_BY_GROUP ? group * line + before + w : (before + w) * shape_.groups + group;
        out[place] = qw_little_endian(words[w]);
      }
    }
  }

  qw::RtnRounding& rounding_;
  const Shape shape_;
  const qw_rtn_part* parts_;
  const int count_;
  const uint8_t flip_;  // moves signed codes up, and their zeros
  int64_t row_words_ = 0, first_ = 0, rows_ = 0;
  std::vector<Memory> buffers_;
  std::vector<Scratch> scratch_;
};

qw_status check(const qw_rtn_part* parts, int count, const qw_rtn_out& out, int64_t rows) {
  if (count < 1 || count > QW_RTN_MAX_PARTS) return qw_error(QW_INVALID_ARGUMENT, "rtn: %d parts; 1 to %d can be made", count, QW_RTN_MAX_PARTS);
  for (int p = 0; p < count; ++p) {
    if (int(parts[p].kind) < 0 || int(parts[p].kind) >= QW_RTN_PART_KINDS) return qw_error(QW_INVALID_ARGUMENT, "rtn: unknown part %d", int(parts[p].kind));
  }
  const auto refused = [&](int64_t value) { return value < 1 || (value % kTile != 0 && value < rows); };
  if (refused(out.band_rows) || refused(out.step_rows)) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: bands of %lld rows in steps of %lld; multiples of %d are needed", (long long)out.band_rows,
                    (long long)out.step_rows, int(kTile));
  }
  return qw_ok();
}

}  // namespace

int64_t qw_rtn_part_bytes(const qw_rtn_part* part, const qw_rtn_options* options, int64_t rows, int64_t cols) {
  const int64_t groups = options->group_size == -1 ? 1 : (cols + options->group_size - 1) / options->group_size;
  const qw_rtn_region region = region_of(*part, {rows, cols, groups, options->bits}, 0, rows);
  return region.pieces * region.piece_bytes;
}

qw_status qw_rtn_packed(const qw_dense* source, const qw_rtn_options* options, const qw_rtn_part* parts, int count, const qw_rtn_out* out,
                        qw_pool* pool, qw_rtn_result* result) {
  int is_signed;
  int64_t groups;
  qw_status status = qw_rtn_plan(options, source->rows, source->cols, &is_signed, &groups);
  if (status.code == QW_OK) status = check(parts, count, *out, source->rows);
  if (status.code == QW_OK && options->bits == 1) status = qw_error(QW_UNSUPPORTED, "rtn: codes of 1 bit have no packed form: they are -1, 0 and 1");
  if (status.code != QW_OK) return status;
  try {
    qw::RtnRounding rounding(*source, *options, is_signed, groups);
    if (options->mse && options->dialect == QW_RTN_INC) rounding.search_ratio(pool, {out->rows_done, out->context, out->step_rows});
    const int64_t band_rows = std::min(out->band_rows, source->rows);
    Packing packing(rounding, *options, parts, count, band_rows, qw_pool_threads(pool));
    for (int64_t band = 0; band < source->rows; band += band_rows) {
      const int64_t rows = std::min(band_rows, source->rows - band);
      packing.begin_band(band, rows);
      for (int64_t step = 0; step < rows; step += out->step_rows) {
        const int64_t end = std::min(rows, step + out->step_rows);
        qw::parallel(pool, (end - step + kTile - 1) / kTile, 1, [&](int64_t from, int64_t to, int thread) {
          for (int64_t tile = from; tile < to; ++tile) packing.tile(step + tile * kTile, std::min(kTile, end - step - tile * kTile), thread);
        });
        if (out->rows_done != nullptr) out->rows_done(out->context, band + step, end - step);
      }
      for (int p = 0; p < count; ++p) {
        const qw_rtn_region region = packing.region(p);
        status = out->write(out->context, p, &region);
        if (status.code != QW_OK) return status;
      }
    }
    return rounding.finish(result);
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "rtn: no memory for a band of %lld rows of a %lld x %lld matrix; use fewer", (long long)out->band_rows,
                    (long long)source->rows, (long long)source->cols);
  }
}
