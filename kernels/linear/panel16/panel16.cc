// Schedule of the 16-bit panel product: quantizes x block by block, then hands pairs of weight tiles to the pool.
#include "linear/panel16/panel16.h"

#include <algorithm>
#include <cstring>

#include "cpu/pick.h"

namespace {

constexpr int64_t kMostRows = 16 * QW_PANEL16_MAX_HEIGHT;  // rows of x at a time: bounds the scratch and a task's part of y
constexpr int64_t kTaskProducts = 1 << 21;                 // about 20 us of a core
constexpr int64_t kQuantizeTask = 1 << 15;

struct Slice {
  const qw_panel16_kernel* kernel;
  qw_panel16_fill fill;
  const qw_grouped* weight;
  const float* x;
  int64_t ldx, rows, blocks, block_rows;
  int64_t splits;  // tasks that share a pair of tiles by splitting the blocks of x rows
  int64_t chunks;
  int64_t* chunk_begin;  // [chunks + 1] in packed columns
  int32_t* chunk_group;  // [chunks]
  int32_t* chunk_pairs;  // [chunks]
  int32_t* words;        // blocks of x rows
  float* units;          // per block [chunk][height]
  float* sums;
  const float* bias;
  float* y;
  int64_t ldy;

  int64_t block_begin(int64_t block) const { return std::min(rows, block * block_rows); }
  const int32_t* words_at(int64_t block, int64_t column) const {
    const int64_t first = block_begin(block), height = block_begin(block + 1) - first;
    return words + first * weight->depth / 2 + column / 2 * height;
  }
};

int64_t count_chunks(const qw_grouped& weight) {
  int64_t count = 0;
  for (int64_t group = 0; group < weight.groups; ++group) {
    const int64_t columns = (weight.group_begin[group + 1] - weight.group_begin[group]) * weight.step;
    count += (columns + QW_PANEL16_CHUNK - 1) / QW_PANEL16_CHUNK;
  }
  return count;
}

void list_chunks(Slice& slice) {
  const qw_grouped& weight = *slice.weight;
  int64_t at = 0;
  for (int64_t group = 0; group < weight.groups; ++group) {
    const int64_t end = weight.group_begin[group + 1] * weight.step;
    for (int64_t begin = weight.group_begin[group] * weight.step; begin < end; begin += QW_PANEL16_CHUNK, ++at) {
      slice.chunk_begin[at] = begin;
      slice.chunk_group[at] = int32_t(group);
      slice.chunk_pairs[at] = int32_t(std::min<int64_t>(QW_PANEL16_CHUNK, end - begin) / 2);
    }
  }
  slice.chunk_begin[at] = weight.depth;
}

void quantize_row(const Slice& slice, int64_t block, int64_t i, int64_t height) {
  const qw_grouped& weight = *slice.weight;
  const int64_t row = slice.block_begin(block) + i;
  const float* x = slice.x + row * slice.ldx;
  int32_t* out = slice.words + slice.block_begin(block) * weight.depth / 2 + i;
  float* units = slice.units + slice.block_begin(block) * slice.chunks + i;
  float* sums = slice.sums + slice.block_begin(block) * slice.chunks + i;
  float gathered[QW_PANEL16_CHUNK];
  int32_t words[QW_PANEL16_CHUNK / 2];
  for (int64_t chunk = 0; chunk < slice.chunks; ++chunk) {
    const int64_t begin = slice.chunk_begin[chunk], count = int64_t(slice.chunk_pairs[chunk]) * 2;
    const float* values = x + begin;
    if (weight.columns != nullptr) {
      for (int64_t k = 0; k < count; ++k) {
        const int32_t column = weight.columns[begin + k];
        gathered[k] = column < 0 ? 0.0f : x[column];
      }
      values = gathered;
    }
    slice.kernel->quantize(values, count, words, units + chunk * height, sums + chunk * height);
    for (int64_t pair = 0; pair < count / 2; ++pair) out[(begin / 2 + pair) * height] = words[pair];
  }
}

void quantize_blocks(void* context, int64_t begin, int64_t end, int) {
  const Slice& slice = *static_cast<const Slice*>(context);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t height = slice.block_begin(block + 1) - slice.block_begin(block);
    for (int64_t i = 0; i < height; ++i) quantize_row(slice, block, i, height);
  }
}

void multiply_tiles(const Slice& slice, int64_t tile, int64_t block_begin, int64_t block_end) {
  const qw_grouped& weight = *slice.weight;
  const int tiles = int(std::min<int64_t>(slice.kernel->tiles, weight.tiles - tile));
  const int64_t row = tile * QW_TILE_ROWS, valid = std::min<int64_t>(int64_t(tiles) * QW_TILE_ROWS, weight.base.rows - row);
  alignas(64) int16_t panel[QW_PANEL16_TILES * QW_PANEL16_DEPTH * QW_TILE_ROWS];
  // A chunk is at least one block of 4 columns.
  alignas(64) float params[QW_PANEL16_DEPTH / 4 * QW_PANEL16_TILES * 2 * QW_TILE_ROWS];
  alignas(64) float total[kMostRows * QW_PANEL16_WIDTH];  // y of this task, dense
  const int64_t first_row = slice.block_begin(block_begin), row_count = slice.block_begin(block_end) - first_row;
  float bias[QW_PANEL16_WIDTH] = {};
  if (slice.bias != nullptr) std::memcpy(bias, slice.bias + row, size_t(valid) * sizeof(float));
  for (int64_t i = 0; i < row_count; ++i) std::memcpy(total + i * QW_PANEL16_WIDTH, bias, sizeof bias);
  for (int64_t chunk = 0; chunk < slice.chunks;) {
    const int64_t begin = slice.chunk_begin[chunk];
    int64_t last = chunk;
    while (last < slice.chunks && slice.chunk_begin[last] + 2 * slice.chunk_pairs[last] <= begin + QW_PANEL16_DEPTH) ++last;
    const int64_t end = slice.chunk_begin[last];
    for (int t = 0; t < tiles; ++t) {
      slice.fill(&weight, tile + t, begin / weight.step, end / weight.step, panel + t * QW_PANEL16_DEPTH * QW_TILE_ROWS);
      for (int64_t c = chunk; c < last; ++c) {
        float* at = params + ((c - chunk) * QW_PANEL16_TILES + t) * 2 * QW_TILE_ROWS;
        if (c > chunk && slice.chunk_group[c] == slice.chunk_group[c - 1]) {
          std::memcpy(at, at - QW_PANEL16_TILES * 2 * QW_TILE_ROWS, 2 * QW_TILE_ROWS * sizeof(float));
        } else {
          slice.kernel->read_params(&weight, tile + t, slice.chunk_group[c], at, at + QW_TILE_ROWS);
        }
      }
    }
    for (int64_t block = block_begin; block < block_end; ++block) {
      const int64_t first = slice.block_begin(block), height = slice.block_begin(block + 1) - first;
      const int64_t at = first * slice.chunks + chunk * height;
      const qw_panel16_step step = {int(height),  tiles,           int(last - chunk), slice.chunk_pairs + chunk, panel, params,
                                    slice.words_at(block, begin), slice.units + at,  slice.sums + at,
                                    total + (first - first_row) * QW_PANEL16_WIDTH};
      slice.kernel->multiply(&step);
    }
    chunk = last;
  }
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
  slice.chunk_group = reinterpret_cast<int32_t*>(take(size_t(slice.chunks) * 4));
  slice.chunk_pairs = reinterpret_cast<int32_t*>(take(size_t(slice.chunks) * 4));
  slice.units = reinterpret_cast<float*>(take(size_t(slice.rows * slice.chunks) * 4));
  slice.sums = reinterpret_cast<float*>(take(size_t(slice.rows * slice.chunks) * 4));
  slice.words = reinterpret_cast<int32_t*>(take(size_t(slice.rows * slice.weight->depth) * 2));
}

}  // namespace

const qw_panel16_kernel* qw_panel16_in_force(void) {
  static constexpr qw::Version<const qw_panel16_kernel> kVersions[] = {{QW_SIMD_SERIAL, nullptr},
                                                                       QW_X86({QW_SIMD_AVX2, &qw_panel16_avx2})
                                                                       QW_X86_AVXVNNI({QW_SIMD_AVXVNNI, &qw_panel16_avxvnni})
                                                                       QW_X86({QW_SIMD_AVX512, &qw_panel16_avx512})
                                                                       QW_X86({QW_SIMD_AVX512VNNI, &qw_panel16_avx512vnni})};
  return qw::best_version(kVersions);
}

size_t qw_panel16_scratch_bytes(const qw_grouped* weight, int64_t m) {
  const size_t rows = size_t(std::min(m, kMostRows)), chunks = size_t(count_chunks(*weight));
  return align((chunks + 1) * 8) + 2 * align(chunks * 4) + 2 * align(rows * chunks * 4) + align(rows * size_t(weight->depth) * 2) + 64;
}

void qw_panel16_matmul(const qw_panel16_kernel* kernel, qw_panel16_fill fill, const qw_grouped* weight, const float* x, int64_t ldx,
                       int64_t m, const float* bias, float* y, int64_t ldy, void* scratch, qw_pool* pool) {
  const int64_t pairs = (weight->tiles + kernel->tiles - 1) / kernel->tiles;
  const int64_t chunks = count_chunks(*weight);
  for (int64_t first = 0; first < m; first += kMostRows) {
    Slice slice{};
    slice.kernel = kernel;
    slice.fill = fill;
    slice.weight = weight;
    slice.chunks = chunks;
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
