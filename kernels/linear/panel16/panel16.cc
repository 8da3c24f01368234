// Schedule of the 16-bit panel product: quantizes x block by block, then hands pairs of weight tiles to the pool.
#include "linear/panel16/panel16.h"

#include <algorithm>
#include <cstring>

#include "cpu/pick.h"

namespace {

constexpr int64_t kMostRows = 16 * QW_PANEL16_MAX_HEIGHT;  // rows of x at a time: bounds the scratch and a task's part of y
constexpr int64_t kTaskProducts = 1 << 21;                 // about 20 us of a core
// AMX reads 16 rows of a block that has fewer.
constexpr size_t kOverread = QW_PANEL16_MAX_HEIGHT * QW_PANEL16_CHUNK;
constexpr int64_t kQuantizeTask = 1 << 15;

struct Slice {
  const qw_panel16_kernel* kernel;
  qw_panel16_fill fill;
  const qw_grouped* weight;
  const float* x;
  int64_t ldx, rows, blocks, block_rows;
  int64_t splits;  // tasks that share a pair of tiles by splitting the blocks of x rows
  int64_t chunks;
  int64_t depth;           // packed columns with the padding of chunks
  int64_t* chunk_begin;    // [chunks + 1] in packed columns
  int64_t* chunk_padded;   // [chunks + 1] the same with the padding of chunks
  int32_t* chunk_group;    // [chunks]
  int32_t* chunk_columns;  // [chunks]
  int16_t* values;         // blocks of x rows
  float* units;          // per block [chunk][height]
  float* sums;
  const float* bias;
  float* y;
  int64_t ldy;

  int64_t block_begin(int64_t block) const { return std::min(rows, block * block_rows); }
  int16_t* values_at(int64_t block, int64_t chunk) const {
    const int64_t first = block_begin(block), height = block_begin(block + 1) - first;
    return values + first * depth + chunk_padded[chunk] * height;
  }
};

int64_t padded(int64_t columns, int64_t padding) { return (columns + padding - 1) / padding * padding; }

// visit(group, begin, columns) for every chunk, in order.
template <typename Visit>
void each_chunk(const qw_grouped& weight, const Visit& visit) {
  for (int64_t group = 0; group < weight.groups; ++group) {
    const int64_t end = weight.group_begin[group + 1] * weight.step;
    for (int64_t begin = weight.group_begin[group] * weight.step; begin < end; begin += QW_PANEL16_CHUNK) {
      visit(group, begin, std::min<int64_t>(QW_PANEL16_CHUNK, end - begin));
    }
  }
}

struct Extent {
  int64_t chunks = 0, depth = 0;
};

Extent extent(const qw_grouped& weight, int64_t padding) {
  Extent result;
  each_chunk(weight, [&](int64_t, int64_t, int64_t columns) {
    ++result.chunks;
    result.depth += padded(columns, padding);
  });
  return result;
}

void list_chunks(Slice& slice) {
  int64_t at = 0, depth = 0;
  each_chunk(*slice.weight, [&](int64_t group, int64_t begin, int64_t columns) {
    slice.chunk_begin[at] = begin;
    slice.chunk_padded[at] = depth;
    slice.chunk_group[at] = int32_t(group);
    slice.chunk_columns[at] = int32_t(columns);
    depth += padded(columns, slice.kernel->padding);
    ++at;
  });
  slice.chunk_begin[at] = slice.weight->depth;
  slice.chunk_padded[at] = depth;
}

void quantize_row(const Slice& slice, int64_t block, int64_t i, int64_t height) {
  const qw_grouped& weight = *slice.weight;
  const int64_t first = slice.block_begin(block);
  const float* x = slice.x + (first + i) * slice.ldx;
  float* units = slice.units + first * slice.chunks + i;
  float* sums = slice.sums + first * slice.chunks + i;
  float gathered[QW_PANEL16_CHUNK];
  for (int64_t chunk = 0; chunk < slice.chunks; ++chunk) {
    const int64_t begin = slice.chunk_begin[chunk], count = slice.chunk_columns[chunk];
    const float* values = x + begin;
    if (weight.columns != nullptr) {
      for (int64_t k = 0; k < count; ++k) {
        const int32_t column = weight.columns[begin + k];
        gathered[k] = column < 0 ? 0.0f : x[column];
      }
      values = gathered;
    }
    slice.kernel->quantize(values, count, i, height, slice.values_at(block, chunk), units + chunk * height, sums + chunk * height);
  }
}

void quantize_blocks(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t height = slice.block_begin(block + 1) - slice.block_begin(block);
    for (int64_t i = 0; i < height; ++i) quantize_row(slice, block, i, height);
  }
}

// The chunk after the last that fits a panel which begins with `chunk`.
int64_t panel_end(const Slice& slice, int64_t chunk) {
  const int64_t most = QW_PANEL16_BYTES / slice.kernel->code_bytes;
  int64_t last = chunk;
  while (last < slice.chunks && slice.chunk_padded[last + 1] - slice.chunk_padded[chunk] <= most) ++last;
  return last;
}

// Codes and parameters of chunks [chunk, last) of a tile.
void fill_panel(const Slice& slice, int64_t tile, int64_t chunk, int64_t last, int16_t* panel, float* params) {
  const qw_grouped& weight = *slice.weight;
  const int step = weight.step;
  if (slice.kernel->padding <= 4) {
    slice.fill(&weight, tile, slice.chunk_begin[chunk] / step, slice.chunk_begin[last] / step, panel);
  } else {
    for (int64_t c = chunk; c < last; ++c) {
      const int64_t begin = slice.chunk_begin[c] / step, offset = slice.chunk_padded[c] - slice.chunk_padded[chunk];
      slice.fill(&weight, tile, begin, begin + slice.chunk_columns[c] / step, panel + offset * slice.kernel->code_bytes / 2 * QW_TILE_ROWS);
    }
  }
  for (int64_t c = chunk; c < last; ++c, params += QW_PANEL16_TILES * 2 * QW_TILE_ROWS) {
    if (c > chunk && slice.chunk_group[c] == slice.chunk_group[c - 1]) {
      std::memcpy(params, params - QW_PANEL16_TILES * 2 * QW_TILE_ROWS, 2 * QW_TILE_ROWS * sizeof(float));
    } else {
      slice.kernel->read_params(&weight, tile, slice.chunk_group[c], params, params + QW_TILE_ROWS);
    }
  }
}

void multiply_tiles(const Slice& slice, int64_t tile, int64_t block_begin, int64_t block_end) {
  const qw_grouped& weight = *slice.weight;
  const int tiles = int(std::min<int64_t>(slice.kernel->tiles, weight.tiles - tile));
  const int64_t row = tile * QW_TILE_ROWS, valid = std::min<int64_t>(int64_t(tiles) * QW_TILE_ROWS, weight.base.rows - row);
  constexpr int64_t kTilePanel = QW_PANEL16_BYTES / 2 * QW_TILE_ROWS;
  alignas(64) int16_t panel[QW_PANEL16_TILES * kTilePanel];
  // A chunk is at least one block of 4 columns.
  alignas(64) float params[QW_PANEL16_BYTES / 2 / 4 * QW_PANEL16_TILES * 2 * QW_TILE_ROWS];
  alignas(64) float total[kMostRows * QW_PANEL16_WIDTH];  // y of this task, dense
  const int64_t first_row = slice.block_begin(block_begin), row_count = slice.block_begin(block_end) - first_row;
  float bias[QW_PANEL16_WIDTH] = {};
  if (slice.bias != nullptr) std::memcpy(bias, slice.bias + row, size_t(valid) * sizeof(float));
  for (int64_t i = 0; i < row_count; ++i) std::memcpy(total + i * QW_PANEL16_WIDTH, bias, sizeof bias);
  if (slice.kernel->begin != nullptr) slice.kernel->begin();
  for (int64_t chunk = 0; chunk < slice.chunks;) {
    const int64_t last = panel_end(slice, chunk);
    for (int t = 0; t < tiles; ++t) fill_panel(slice, tile + t, chunk, last, panel + t * kTilePanel, params + t * 2 * QW_TILE_ROWS);
    for (int64_t block = block_begin; block < block_end; ++block) {
      const int64_t first = slice.block_begin(block), height = slice.block_begin(block + 1) - first;
      const int64_t at = first * slice.chunks + chunk * height;
      const qw_panel16_step step = {int(height),       tiles,          int(last - chunk),
                                    slice.chunk_columns + chunk, panel, params,
                                    slice.values_at(block, chunk), slice.units + at, slice.sums + at,
                                    total + (first - first_row) * QW_PANEL16_WIDTH};
      slice.kernel->multiply(&step);
    }
    chunk = last;
  }
  if (slice.kernel->end != nullptr) slice.kernel->end();
  for (int64_t i = 0; i < row_count; ++i) {
    std::memcpy(slice.y + (first_row + i) * slice.ldy + row, total + i * QW_PANEL16_WIDTH, size_t(valid) * sizeof(float));
  }
}

void multiply_tasks(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  for (int64_t task = begin; task < end; ++task) {
    const int64_t part = task % slice.splits;
    multiply_tiles(slice, task / slice.splits * slice.kernel->tiles, part * slice.blocks / slice.splits,
                   (part + 1) * slice.blocks / slice.splits);
  }
}

size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

void lay_out(Slice& slice, void* scratch) {
  char* at = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
  const auto take = [&at](size_t bytes) {
    char* taken = at;
    at += align(bytes);
    return taken;
  };
  slice.chunk_begin = reinterpret_cast<int64_t*>(take(size_t(slice.chunks + 1) * 8));
  slice.chunk_padded = reinterpret_cast<int64_t*>(take(size_t(slice.chunks + 1) * 8));
  slice.chunk_group = reinterpret_cast<int32_t*>(take(size_t(slice.chunks) * 4));
  slice.chunk_columns = reinterpret_cast<int32_t*>(take(size_t(slice.chunks) * 4));
  slice.units = reinterpret_cast<float*>(take(size_t(slice.rows * slice.chunks) * 4));
  slice.sums = reinterpret_cast<float*>(take(size_t(slice.rows * slice.chunks) * 4));
  slice.values = reinterpret_cast<int16_t*>(take(size_t(slice.rows * slice.depth) * 2 + kOverread));
}

}  // namespace

const qw_panel16_kernel* qw_panel16_in_force(const qw_grouped* weight) {
  static constexpr qw::Version<const qw_panel16_kernel> kVersions[] = {
      {QW_SIMD_SERIAL, nullptr},
      QW_X86({QW_SIMD_AVX2, &qw_panel16_avx2})
      QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_panel16_avxvnni})
      QW_X86({QW_SIMD_AVX512, &qw_panel16_avx512}, {QW_SIMD_AVX512VNNI, &qw_panel16_avx512vnni})
      QW_X86_AMX({QW_SIMD_AMX, &qw_panel16_amx})
  };
  const qw_panel16_kernel* best = qw::best_version(kVersions);
  // A register of AMX takes 64 columns; where it would stand half empty and its sums be scaled as often, VNNI is faster.
  constexpr int64_t kWorthTiles = 64;
  if (best == nullptr || best->padding < kWorthTiles || weight->longest_group >= kWorthTiles) return best;
  return qw::best_version(kVersions, QW_SIMD_AVX512VNNI);
}

size_t qw_panel16_scratch_bytes(const qw_grouped* weight, int64_t m) {
  const qw_panel16_kernel* kernel = qw_panel16_in_force(weight);
  if (kernel == nullptr) return 0;
  const Extent size = extent(*weight, kernel->padding);
  const size_t rows = size_t(std::min(m, kMostRows)), chunks = size_t(size.chunks);
  return 2 * align((chunks + 1) * 8) + 2 * align(chunks * 4) + 2 * align(rows * chunks * 4) + align(rows * size_t(size.depth) * 2 + kOverread) + 64;
}

void qw_panel16_matmul(const qw_panel16_kernel* kernel, qw_panel16_fill fill, const qw_grouped* weight, const float* x, int64_t ldx,
                       int64_t m, const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool) {
  const int64_t pairs = (weight->tiles + kernel->tiles - 1) / kernel->tiles;
  const Extent size = extent(*weight, kernel->padding);
  for (int64_t first = 0; first < m; first += kMostRows) {
    Slice slice{};
    slice.kernel = kernel;
    slice.fill = kernel->fill == nullptr ? fill : kernel->fill;
    slice.weight = weight;
    slice.chunks = size.chunks;
    slice.depth = size.depth;
    slice.x = x + first * ldx;
    slice.ldx = ldx;
    slice.bias = bias;
    slice.y = y + first * ldy;
    slice.ldy = ldy;
    slice.rows = std::min(kMostRows, m - first);
    slice.blocks = (slice.rows + kernel->height - 1) / kernel->height;
    slice.block_rows = (slice.rows + slice.blocks - 1) / slice.blocks;
    slice.blocks = (slice.rows + slice.block_rows - 1) / slice.block_rows;
    lay_out(slice, scratch);
    list_chunks(slice);
    // Few weight rows and many threads: let several tasks unpack the same tiles, each for at least four blocks of x.
    const int64_t wanted = 4 * int64_t(qw_pool_threads(pool));
    slice.splits = pairs >= wanted ? 1 : std::max<int64_t>(1, std::min((wanted + pairs - 1) / pairs, slice.blocks / 4));
    qw_parallel_for(pool, slice.blocks, std::max<int64_t>(1, kQuantizeTask / (slice.block_rows * weight->depth + 1)), quantize_blocks,
                    &slice);
    const int64_t products = std::max<int64_t>(1, kernel->tiles * QW_TILE_ROWS * weight->depth * slice.rows / slice.splits);
    qw_parallel_for(pool, pairs * slice.splits, std::max<int64_t>(1, kTaskProducts / products), multiply_tasks, &slice);
  }
}
