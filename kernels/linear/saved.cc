// Packed weights as bytes, and back (abi/saved.h). What differs between codecs is in their save and restore.
#include "abi/saved.h"

#include <cstring>

#include "abi/hash.h"
#include "linear/bcq/codec.h"
#include "linear/llm_int8/codec.h"
#include "linear/q2/codec.h"
#include "linear/q3/codec.h"
#include "linear/q4/codec.h"
#include "linear/q5/codec.h"
#include "linear/q6/codec.h"
#include "linear/q8/codec.h"
#include "linear/qrazor/codec.h"
#include "linear/spqr/codec.h"
#include "linear/table4/codec.h"
#include "linear/w4a8/codec.h"
#include "linear/w8a8/codec.h"

namespace {

// Codecs that can be saved. Adding one: its pair of functions and one line.
const qw_codec* const kSaved[] = {&qw_codec_bcq,  &qw_codec_llm_int8, &qw_codec_q2,          &qw_codec_q3,         &qw_codec_q4,
                                  &qw_codec_q5,   &qw_codec_q6,       &qw_codec_q8,          &qw_codec_qrazor,     &qw_codec_spqr,
                                  &qw_codec_table4, &qw_codec_w8a8,   &qw_codec_w4a8,        &qw_codec_w8a8_groups, &qw_codec_qrazor_int8};

constexpr char kMagic[8] = {'Q', 'W', 'W', 'E', 'I', 'G', 'H', 'T'};
constexpr uint32_t kVersion = 1;

struct Header {
  char magic[8];
  uint32_t version;
  int32_t layout;
  char codec[16];
  int64_t rows, cols;
  int64_t fields[QW_SAVED_FIELDS];
  uint64_t part_bytes[QW_SAVED_PARTS];
  uint64_t reserved[5];
  uint64_t checksum;  // of everything before it
};
static_assert(sizeof(Header) == 256, "part of the format");

size_t aligned(size_t bytes) { return (bytes + QW_SAVED_ALIGNMENT - 1) / QW_SAVED_ALIGNMENT * QW_SAVED_ALIGNMENT; }
uint64_t checksum_of(const Header& header) { return qw_hash64(&header, offsetof(Header, checksum), 0); }

const qw_codec* find(const char* name) {
  for (const qw_codec* codec : kSaved) {
    if (std::strncmp(codec->name, name, sizeof Header::codec) == 0) return codec;
  }
  return nullptr;
}

qw_saved parts_of(const qw_weight* weight) {
  qw_saved saved{};
  saved.rows = weight->rows;
  saved.cols = weight->cols;
  weight->codec->save(weight, &saved);
  return saved;
}

}  // namespace

size_t qw_saved_bytes(const qw_weight* weight) {
  if (weight->codec->save == nullptr || find(weight->codec->name) != weight->codec) return 0;
  size_t bytes = sizeof(Header);
  for (const qw_saved_part& part : parts_of(weight).parts) bytes += aligned(part.bytes);
  return bytes;
}

qw_status qw_weight_save(const qw_weight* weight, qw_saved_write write, void* context) {
  if (qw_saved_bytes(weight) == 0) return qw_error(QW_UNSUPPORTED, "a %s weight has no saved form", weight->codec->name);
  const qw_saved saved = parts_of(weight);
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.layout = weight->codec->layout;
  std::strncpy(header.codec, weight->codec->name, sizeof header.codec - 1);
  header.rows = saved.rows;
  header.cols = saved.cols;
  std::memcpy(header.fields, saved.fields, sizeof header.fields);
  for (int i = 0; i < QW_SAVED_PARTS; ++i) header.part_bytes[i] = saved.parts[i].bytes;
  header.checksum = checksum_of(header);
  qw_status status = write(context, &header, sizeof header);
  constexpr char padding[QW_SAVED_ALIGNMENT] = {};
  for (const qw_saved_part& part : saved.parts) {
    if (status.code == QW_OK && part.bytes > 0) status = write(context, part.data, part.bytes);
    const size_t pad = aligned(part.bytes) - part.bytes;
    if (status.code == QW_OK && pad > 0) status = write(context, padding, pad);
  }
  return status;
}

qw_status qw_weight_restore(const void* bytes, size_t length, qw_weight** out) {
  *out = nullptr;
  Header header;
  if (length < sizeof header) return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: %zu bytes are no header", length);
  if (reinterpret_cast<uintptr_t>(bytes) % QW_SAVED_ALIGNMENT != 0) return qw_error(QW_INVALID_ARGUMENT, "a saved weight must begin at a multiple of 64 bytes");
  std::memcpy(&header, bytes, sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.checksum != checksum_of(header)) {
    return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its header");
  }
  header.codec[sizeof header.codec - 1] = '\0';
  const qw_codec* codec = find(header.codec);
  if (header.version != kVersion || codec == nullptr || header.layout != codec->layout) {
    return qw_error(QW_UNSUPPORTED, "a saved weight of codec '%s', layout %d is of another version", header.codec, header.layout);
  }
  constexpr int64_t most = int64_t(1) << 31;
  if (header.rows < 1 || header.rows > most || header.cols < 1 || header.cols > most) {
    return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its dimensions");
  }
  qw_saved saved{};
  saved.rows = header.rows;
  saved.cols = header.cols;
  std::memcpy(saved.fields, header.fields, sizeof saved.fields);
  size_t at = sizeof header;
  for (int i = 0; i < QW_SAVED_PARTS; ++i) {
    if (header.part_bytes[i] > length - at || aligned(size_t(header.part_bytes[i])) > length - at) {
      return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: %zu bytes are fewer than its parts", length);
    }
    saved.parts[i] = {static_cast<const char*>(bytes) + at, size_t(header.part_bytes[i])};
    at += aligned(saved.parts[i].bytes);
  }
  return codec->restore(&saved, out);
}

uint64_t qw_saved_layouts(void) {
  uint64_t hash = kVersion;
  for (const qw_codec* codec : kSaved) {
    hash = qw_hash64(codec->name, std::strlen(codec->name), hash);
    hash = qw_hash64(&codec->layout, sizeof codec->layout, hash);
  }
  return hash;
}
