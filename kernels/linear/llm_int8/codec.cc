// Codec llm_int8: finds the columns with outliers, then the product of w8a8's tiles with its own quantizer, and the columns added
// (codec.h).
#include "linear/llm_int8/codec.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "cpu/pick.h"
#include "linear/float16.h"
#include "linear/w8a8/product.h"

namespace {

constexpr int64_t kColumnsTask = 64;    // at least, so that no two tasks write to one line
constexpr int64_t kScanTask = 1 << 16;  // elements of x that a scanning task reads
// Up to so many outlier columns of x are copied beside each other: a task reads them all for every two tiles, and where they lie each is a
// cache line.
constexpr int64_t kMostGathered = 256;

const qw_llm_int8_kernels& kernels_in_force() {
  static constexpr qw::Version<const qw_llm_int8_kernels> kVersions[] = {
      {QW_SIMD_SERIAL, &qw_llm_int8_serial},
      QW_X86({QW_SIMD_AVX2, &qw_llm_int8_avx2}, {QW_SIMD_AVX512, &qw_llm_int8_avx512})
      QW_ARM({QW_SIMD_NEON, &qw_llm_int8_neon})
  };
  return *qw::best_version(kVersions);
}

const qw_llm_int8_weight& held(const qw_weight* base) { return *reinterpret_cast<const qw_llm_int8_weight*>(base); }
const qw_w8a8_weight* tiles_of(const qw_llm_int8_weight& weight) { return reinterpret_cast<const qw_w8a8_weight*>(weight.product); }
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

struct Product {
  const qw_w8a8_weight* weight;
  const qw_llm_int8_kernels* kernels;
  const float* x;
  int64_t ldx, m, cols;
  uint32_t limit;
  uint32_t* most;    // [cols], of the scan
  int32_t* columns;  // [count], ascending; in the memory of most
  int64_t count;
  float* gathered;        // [m, count] of x, where count is at most kMostGathered
  const int32_t* places;  // 0, 1, ... of them
  float* y;
  int64_t ldy;

  bool gathers() const { return count <= kMostGathered; }
};

void scan(void* context, int64_t begin, int64_t end, int) {
  const Product& product = *static_cast<const Product*>(context);
  const int64_t last = std::min(product.cols, end * kColumnsTask);
  product.kernels->column_most(product.x, product.ldx, product.m, begin * kColumnsTask, last, product.most);
}

void find_columns(Product& product, qw_pool* pool) {
  product.count = 0;
  if (product.limit == QW_LLM_INT8_NO_LIMIT) return;
  const int64_t grain = std::max<int64_t>(1, kScanTask / (kColumnsTask * product.m));
  qw_parallel_for(pool, (product.cols + kColumnsTask - 1) / kColumnsTask, grain, scan, &product);
  for (int64_t k = 0; k < product.cols; ++k) {
    const bool outlier = product.most[k] >= product.limit;  // read before a column is written in its place
    if (outlier) product.columns[product.count++] = int32_t(k);
  }
}

void quantize(void* context, int64_t row, int8_t* q, float* scale, int32_t* sum) {
  const Product& product = *static_cast<const Product*>(context);
  const float* x = product.x + row * product.ldx;
  product.kernels->quantize(x, product.cols, product.limit, q, scale, sum);
  for (int64_t at = 0; at < product.count; ++at) {
    int8_t& code = q[product.columns[at]];
    *sum -= code;
    code = 0;
    if (product.gathers()) product.gathered[row * product.count + at] = x[product.columns[at]];
  }
}

void add(void* context, int64_t row_begin, int64_t row_end, int64_t tile_begin, int64_t tile_end) {
  const Product& product = *static_cast<const Product*>(context);
  const qw_llm_int8_columns columns = {product.count, product.columns, product.gathers() ? product.places : product.columns};
  const float* x = product.gathers() ? product.gathered : product.x;
  const int64_t ldx = product.gathers() ? product.count : product.ldx;
  product.kernels->add_columns(product.weight, x + row_begin * ldx, ldx, row_end - row_begin, &columns, product.y + row_begin * product.ldy,
                               product.ldy, tile_begin, tile_end);
}

// Scratch: columns, places, gathered columns of x, and w8a8's.
size_t column_bytes(int64_t cols) { return aligned(size_t(cols) * 4); }
size_t place_bytes(int64_t cols) { return aligned(size_t(std::min(cols, kMostGathered)) * 4); }
size_t gathered_bytes(int64_t cols, int64_t m) { return aligned(size_t(m * std::min(cols, kMostGathered)) * 4); }

size_t scratch_bytes(const qw_weight* base, int64_t m) {
  const size_t own = column_bytes(base->cols) + place_bytes(base->cols) + gathered_bytes(base->cols, m) + 64;
  return own + qw::w8a8_scratch_bytes(tiles_of(held(base)), m);
}

void matmul(const qw_weight* base, const float* x, int64_t ldx, int64_t m, const float* bias, float* y, int64_t ldy, void* scratch,
            qw_pool* pool) {
  const qw_llm_int8_weight& weight = held(base);
  char* at = reinterpret_cast<char*>(aligned(reinterpret_cast<uintptr_t>(scratch)));
  Product product{};
  product.weight = tiles_of(weight);
  product.kernels = &kernels_in_force();
  product.x = x;
  product.ldx = ldx;
  product.m = m;
  product.cols = base->cols;
  product.limit = weight.threshold > 0 ? qw_float_bits(weight.threshold) : QW_LLM_INT8_NO_LIMIT;
  product.y = y;
  product.ldy = ldy;
  product.most = reinterpret_cast<uint32_t*>(at);
  product.columns = reinterpret_cast<int32_t*>(at);
  at += column_bytes(base->cols);
  int32_t* places = reinterpret_cast<int32_t*>(at);
  product.places = places;
  at += place_bytes(base->cols);
  product.gathered = reinterpret_cast<float*>(at);
  at += gathered_bytes(base->cols, m);
  find_columns(product, pool);
  for (int64_t place = 0; place < product.count && product.gathers(); ++place) places[place] = int32_t(place);
  const qw::W8a8Steps steps = {&product, quantize, product.count > 0 ? add : nullptr};
  qw::w8a8_product(product.weight, steps, m, bias, y, ldy, at, pool);
}

void dequantize(const qw_weight* base, int64_t row_begin, int64_t row_count, float* out) {
  const qw_weight* product = held(base).product;
  product->codec->dequantize(product, row_begin, row_count, out);
}

void destroy(qw_weight* base) {
  qw_llm_int8_weight* weight = reinterpret_cast<qw_llm_int8_weight*>(base);
  qw_weight_free(weight->product);
  delete weight;
}

// Owns `product` from here on.
qw_status wrap(qw_weight* product, float threshold, qw_weight** out) {
  qw_llm_int8_weight* weight = new (std::nothrow) qw_llm_int8_weight{};
  if (weight == nullptr) {
    qw_weight_free(product);
    return qw_error(QW_OUT_OF_MEMORY, "no memory for an llm_int8 weight");
  }
  weight->base = {&qw_codec_llm_int8, product->rows, product->cols, product->bytes, product->borrowed};
  weight->product = product;
  weight->threshold = threshold;
  *out = &weight->base;
  return qw_ok();
}

// The last field is the threshold's bits; the others and the parts are w8a8's.
constexpr int kThreshold = QW_SAVED_FIELDS - 1;

void save(const qw_weight* base, qw_saved* out) {
  const qw_llm_int8_weight& weight = held(base);
  qw_w8a8_save(weight.product, out);
  out->fields[kThreshold] = qw_float_bits(weight.threshold);
}

qw_status restore(const qw_saved* saved, qw_weight** out) {
  const int64_t bits = saved->fields[kThreshold];
  if (bits < 0 || bits >= 0x7f800000) return qw_error(QW_INVALID_ARGUMENT, "a saved weight is damaged: its threshold");
  qw_weight* product = nullptr;
  const qw_status restored = qw_w8a8_restore(saved, &product);
  return restored.code == QW_OK ? wrap(product, qw_float_from_bits(uint32_t(bits)), out) : restored;
}

}  // namespace

qw_status qw_llm_int8_pack(const qw_affine* affine, float threshold, qw_pool* pool, qw_weight** out) {
  qw_weight* product = nullptr;
  const qw_status packed = qw_w8a8_pack(affine, pool, &product);
  return packed.code == QW_OK ? wrap(product, threshold, out) : packed;
}

const qw_codec qw_codec_llm_int8 = {"llm_int8", scratch_bytes, matmul, dequantize, destroy, QW_W8A8_LAYOUT, save, restore};
