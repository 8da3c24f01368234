// Checks an affine weight and lays it out for w8a8 (codec.h).
#include <algorithm>
#include <atomic>
#include <new>
#include <vector>

#include "linear/float16.h"
#include "linear/int8/tokens/tokens.h"
#include "linear/lanes.h"
#include "linear/memory.h"
#include "linear/stored.h"
#include "linear/w8a8/codec.h"

namespace {

struct Packing {
  const qw_affine* affine;
  qw_w8a8_weight* weight;
  std::vector<std::vector<uint8_t>> scratch;  // of every thread
  std::atomic<int64_t> bad_row{-1};
  std::atomic<bool> no_memory{false};
};

// Sum of (code - zero) of 16 rows. The sum of codes is exact.
void sum_tile(const qw_w8a8_weight& weight, int64_t tile) {
  const uint8_t* codes = weight.codes + tile * weight.quads * QW_W8A8_QUAD_BYTES;
  for (int64_t r = 0; r < QW_W8A8_TILE_ROWS; ++r) {
    int64_t sum = 0;
    for (int64_t k = 0; k < weight.base.cols; ++k) sum += codes[k / 4 * QW_W8A8_QUAD_BYTES + r * 4 + k % 4];
    const double zero = double(qw_read_typed(weight.scale_type, weight.params, (tile * 2 + 1) * QW_W8A8_TILE_ROWS + r));
    weight.centres[tile * QW_W8A8_TILE_ROWS + r] = double(sum - weight.offset * weight.base.cols) - zero * double(weight.base.cols);
  }
}

void pack_tile(Packing& packing, const qw_band& band, int64_t tile) {
  const qw_affine& affine = *packing.affine;
  qw_w8a8_weight& weight = *packing.weight;
  const int64_t row = tile * QW_W8A8_TILE_ROWS, line = QW_W8A8_TILE_ROWS * qw_type_bytes(weight.scale_type);
  char* params = static_cast<char*>(weight.params) + tile * 2 * line;
  const int64_t scale = qw_read_params(&affine, &affine.scale, 1, row, 0, params);
  const int64_t zero = qw_read_params(&affine, &affine.zero, 1, row, 0, params + line);
  if (const int64_t bad = scale >= 0 ? scale : zero; bad >= 0) packing.bad_row.store(bad, std::memory_order_relaxed);

  const int64_t count = std::min<int64_t>(QW_W8A8_TILE_ROWS, affine.rows - row), whole = affine.cols / 4;
  const uint8_t* codes = band.codes + (row - band.row) * band.ld;
  const uint8_t offset = uint8_t(qw_stored_offset(&affine, 8));
  uint8_t* to = weight.codes + tile * weight.quads * QW_W8A8_QUAD_BYTES;
  qw_pack_lanes<4>(codes, band.ld, count, whole, offset, to);
  if (whole == weight.quads) return;
  uint8_t* last = to + whole * QW_W8A8_QUAD_BYTES;
  std::fill(last, last + QW_W8A8_QUAD_BYTES, uint8_t(0));
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t k = whole * 4; k < affine.cols; ++k) last[r * 4 + k % 4] = uint8_t(codes[r * band.ld + k] + offset);
  }
}

void pack_bands(void* context, int64_t begin, int64_t end, int thread) {
  Packing& packing = *static_cast<Packing*>(context);
  constexpr int64_t tiles = QW_BAND_ROWS / QW_W8A8_TILE_ROWS;
  try {
    for (int64_t at = begin; at < end; ++at) {
      const qw_band band = qw_read_band(packing.affine, at, packing.scratch[size_t(thread)]);
      for (int64_t tile = at * tiles; tile < std::min(packing.weight->tiles, (at + 1) * tiles); ++tile) {
        pack_tile(packing, band, tile);
        if (packing.weight->centres != nullptr) sum_tile(*packing.weight, tile);
      }
    }
  } catch (const std::bad_alloc&) {
    packing.no_memory = true;
  }
}

qw_status check(const qw_affine& affine) {
  if (affine.rows < 1 || affine.cols < 1 || affine.cols > QW_W8A8_MOST_COLS) {
    return qw_error(QW_UNSUPPORTED, "w8a8 weight of %lld x %lld: needs rows and 1 to %d columns, which int32 sums hold exactly",
                    (long long)affine.rows, (long long)affine.cols, int(QW_W8A8_MOST_COLS));
  }
  if (affine.group_size != affine.cols || affine.g_idx != nullptr) {
    return qw_error(QW_UNSUPPORTED,
                    "w8a8 weight of %lld x %lld: group_size %lld%s; int8 activations need one scale per row (group_size -1, no g_idx). "
                    "Use weight_only for groups",
                    (long long)affine.rows, (long long)affine.cols, (long long)affine.group_size,
                    affine.g_idx != nullptr ? " with g_idx" : "");
  }
  return qw_ok();
}

}  // namespace

qw_status qw_w8a8_pack(const qw_affine* affine, qw_pool* pool, qw_weight** out) {
  const qw_activations dashinfer = {QW_ACTIVATION_TOKEN, 8, QW_ACTIVATION_DASHINFER, 1, 0, 0, 0, 0, 0, 0};
  return qw_w8a8_pack_for(affine, &dashinfer, pool, out);
}

qw_status qw_w8a8_pack_for(const qw_affine* affine, const qw_activations* activations, qw_pool* pool, qw_weight** out) {
  qw_status checked = check(*affine);
  if (checked.code == QW_OK) checked = qw_check_stored(affine, "w8a8");
  if (checked.code != QW_OK) return checked;
  qw_w8a8_weight* weight = new (std::nothrow) qw_w8a8_weight{};
  if (weight == nullptr) return qw_error(QW_OUT_OF_MEMORY, "no memory for a w8a8 weight");
  weight->tiles = (affine->rows + QW_W8A8_TILE_ROWS - 1) / QW_W8A8_TILE_ROWS;
  weight->quads = (affine->cols + 3) / 4;
  weight->offset = affine->codes.is_signed ? 128 : 0;
  weight->scale_type = affine->scale_type;
  const size_t code_bytes = size_t(weight->tiles * weight->quads) * QW_W8A8_QUAD_BYTES;
  const size_t param_bytes = size_t(weight->tiles * 2 * QW_W8A8_TILE_ROWS * qw_type_bytes(weight->scale_type));
  const bool zeros = qw_int8_has_zeros(activations);
  const size_t centre_bytes = zeros ? size_t(weight->tiles * QW_W8A8_TILE_ROWS) * sizeof(double) : 0;
  weight->activations = *activations;
  weight->base = {&qw_codec_w8a8, affine->rows, affine->cols, code_bytes + param_bytes + centre_bytes, 0};
  weight->codes = static_cast<uint8_t*>(qw_weight_memory(code_bytes));
  weight->params = qw_weight_memory(param_bytes);
  if (zeros) weight->centres = static_cast<double*>(qw_weight_memory(centre_bytes));
  qw_status status = qw_ok();
  if (weight->codes == nullptr || weight->params == nullptr || (zeros && weight->centres == nullptr)) {
    status = qw_error(QW_OUT_OF_MEMORY, "no memory for a w8a8 weight of %lld x %lld (%zu bytes)", (long long)affine->rows,
                      (long long)affine->cols, weight->base.bytes);
  } else {
    Packing packing;
    packing.affine = affine;
    packing.weight = weight;
    packing.scratch.resize(size_t(qw_pool_threads(pool)));
    qw_parallel_for(pool, qw_bands(affine), 1, pack_bands, &packing);
    if (packing.no_memory) {
      status = qw_error(QW_OUT_OF_MEMORY, "no memory to unpack a w8a8 weight");
    } else if (const int64_t row = packing.bad_row.load(); row >= 0) {
      status = qw_not_exact(affine, "w8a8", 1, row, 0);
    }
  }
  if (status.code != QW_OK) {
    qw_codec_w8a8.destroy(&weight->base);
    return status;
  }
  *out = &weight->base;
  return status;
}
