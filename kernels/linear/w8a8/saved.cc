// w8a8 as saved parts: codes, params and centres; how activations are quantized is among the numbers.
#include <cstring>
#include <new>

#include "linear/float16.h"
#include "linear/int8/tokens/tokens.h"
#include "linear/int8/weight.h"
#include "linear/w8a8/codec.h"

namespace {
enum { kTiles, kQuads, kOffset, kScaleType, kKind, kBits, kRule, kSymmetric, kScale, kZero };
enum { kCodes, kParams, kCentres };

int64_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return int64_t(bits);
}

// Only what kinds token and tensor have.
qw_activations activations_of(const int64_t* fields) {
  qw_activations activations{};
  const uint32_t scale = uint32_t(fields[kScale]);
  activations.kind = qw_activation_kind(fields[kKind]);
  activations.bits = int(fields[kBits]);
  activations.rule = qw_activation_rule(fields[kRule]);
  activations.symmetric = fields[kSymmetric] != 0;
  std::memcpy(&activations.scale, &scale, 4);
  activations.zero = int32_t(fields[kZero]);
  return activations;
}

size_t centre_bytes(int64_t tiles) { return size_t(tiles * QW_W8A8_TILE_ROWS) * sizeof(double); }
}  // namespace

void qw_w8a8_save(const qw_weight* base, qw_saved* out) {
  const qw_w8a8_weight& weight = *reinterpret_cast<const qw_w8a8_weight*>(base);
  out->fields[kTiles] = weight.tiles;
  out->fields[kQuads] = weight.quads;
  out->fields[kOffset] = weight.offset;
  out->fields[kScaleType] = weight.scale_type;
  out->fields[kKind] = weight.activations.kind;
  out->fields[kBits] = weight.activations.bits;
  out->fields[kRule] = weight.activations.rule;
  out->fields[kSymmetric] = weight.activations.symmetric;
  out->fields[kScale] = bits_of(weight.activations.scale);
  out->fields[kZero] = weight.activations.zero;
  out->parts[kCodes] = {weight.codes, size_t(weight.tiles * weight.quads) * QW_W8A8_QUAD_BYTES};
  out->parts[kParams] = {weight.params, size_t(weight.tiles * 2 * QW_W8A8_TILE_ROWS * qw_type_bytes(weight.scale_type))};
  if (weight.centres != nullptr) out->parts[kCentres] = {weight.centres, centre_bytes(weight.tiles)};
}

qw_status qw_w8a8_restore(const qw_saved* saved, qw_weight** out) {
  const int64_t* fields = saved->fields;
  const bool fits = saved->cols <= QW_W8A8_MOST_COLS && fields[kTiles] == (saved->rows + QW_W8A8_TILE_ROWS - 1) / QW_W8A8_TILE_ROWS &&
                    fields[kQuads] == (saved->cols + 3) / 4 && (fields[kOffset] == 0 || fields[kOffset] == 128) && fields[kScaleType] >= QW_F32 &&
                    fields[kScaleType] <= QW_BF16 && saved->parts[kCodes].bytes == size_t(fields[kTiles] * fields[kQuads]) * QW_W8A8_QUAD_BYTES &&
                    saved->parts[kParams].bytes == size_t(fields[kTiles] * 2 * QW_W8A8_TILE_ROWS * qw_type_bytes(qw_type(fields[kScaleType])));
  const qw_activations activations = activations_of(fields);
  const bool known = activations.kind == QW_ACTIVATION_TOKEN || activations.kind == QW_ACTIVATION_TENSOR;
  if (!known || qw_check_activations(&activations).code != QW_OK) {
    return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: how its activations are quantized");
  }
  const bool zeros = qw_int8_has_zeros(&activations) != 0;
  const bool centred = saved->parts[kCentres].bytes == (zeros ? centre_bytes(fields[kTiles]) : 0);
  if (!fits || !centred) return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its dimensions");
  qw_w8a8_weight* weight = new (std::nothrow) qw_w8a8_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a w8a8 weight");
  weight->base = {&qw_codec_w8a8, saved->rows, saved->cols, saved->parts[kCodes].bytes + saved->parts[kParams].bytes + saved->parts[kCentres].bytes, 1};
  weight->activations = activations;
  weight->tiles = fields[kTiles];
  weight->quads = fields[kQuads];
  weight->offset = int32_t(fields[kOffset]);
  weight->scale_type = qw_type(fields[kScaleType]);
  // Never written to: a packed weight is read-only.
  weight->codes = static_cast<uint8_t*>(const_cast<void*>(saved->parts[kCodes].data));
  weight->params = const_cast<void*>(saved->parts[kParams].data);
  if (zeros) weight->centres = static_cast<double*>(const_cast<void*>(saved->parts[kCentres].data));
  *out = &weight->base;
  return qw_ok();
}
