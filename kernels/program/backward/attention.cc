#include "program/backward/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/parallel.h"
#include "linear/panel/panel.h"
#include "program/backward/rows.h"

namespace {

using qw::AttentionGradient;

constexpr int64_t kRows = 64;       // of a block
constexpr int64_t kMostWidth = 32;  // QW_PANEL_MAX_WIDTH; paddings are made for it whatever the kernel's width

int64_t padded(int64_t count) { return (count + kMostWidth - 1) / kMostWidth * kMostWidth; }
int64_t first_visible(const AttentionGradient& job, int64_t row) { return job.window > 0 && row + 1 > job.window ? row + 1 - job.window : 0; }

// The specification: one row at a time, in f64.
void serial_head(const AttentionGradient& job, int64_t head) {
  const int64_t dim = job.head_dim, kv = head / (job.heads / job.kv_heads), q_width = job.heads * dim, kv_width = job.kv_heads * dim;
  std::vector<float> p(size_t(job.rows)), dp(size_t(job.rows)), slope(size_t(job.rows));
  const auto dot = [dim](const float* a, const float* b) {
    double sum = 0;
    for (int64_t d = 0; d < dim; ++d) sum += double(a[d]) * double(b[d]);
    return float(sum);
  };
  for (int64_t t = 0; t < job.rows; ++t) {
    const int64_t first = first_visible(job, t), count = t + 1 - first;
    const float *q = job.q + t * q_width + head * dim, *dout = job.dout + t * q_width + head * dim;
    for (int64_t j = 0; j < count; ++j) {
      p[size_t(j)] = dot(q, job.k + (first + j) * kv_width + kv * dim);
      dp[size_t(j)] = dot(dout, job.v + (first + j) * kv_width + kv * dim);
    }
    const qw::BackwardRows& rows = qw::backward_rows_serial;
    rows.attend(p.data(), count, job.scale, job.cap, slope.data());
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t d = 0; d < dim; ++d) job.dv[(first + j) * kv_width + kv * dim + d] += p[size_t(j)] * dout[d];
    }
    rows.attended(p.data(), count, job.scale, job.cap > 0 ? slope.data() : nullptr, dp.data());
    for (int64_t j = 0; j < count; ++j) {
      const float *k = job.k + (first + j) * kv_width + kv * dim;
      for (int64_t d = 0; d < dim; ++d) {
        job.dq[t * q_width + head * dim + d] += dp[size_t(j)] * k[d];
        job.dk[(first + j) * kv_width + kv * dim + d] += dp[size_t(j)] * q[d];
      }
    }
  }
}

struct Layout {
  int64_t dim, keys;  // padded
  int64_t k_panels, v_panels, k_lines, dk, dv, slope, p, dp, q_block, dout_block, left, dq, size;
};

Layout layout_of(const AttentionGradient& job) {
  Layout l{};
  l.dim = padded(job.head_dim), l.keys = padded(job.rows) + kMostWidth;
  const auto take = [&l](int64_t count) {
    const int64_t at = l.size;
    l.size += (count + 15) / 16 * 16;
    return at;
  };
  l.k_panels = take(l.keys * job.head_dim), l.v_panels = take(l.keys * job.head_dim), l.k_lines = take(l.keys * l.dim);
  l.dk = take(l.keys * l.dim), l.dv = take(l.keys * l.dim);
  l.p = take(kRows * l.keys), l.dp = take(kRows * l.keys), l.slope = take(job.cap > 0 ? kRows * l.keys : 0);
  l.q_block = take(kRows * l.dim), l.dout_block = take(kRows * l.dim), l.dq = take(kRows * l.dim);
  l.left = take(QW_PANEL_MAX_HEIGHT * std::max({l.keys, l.dim, kRows}));
  return l;
}

// Panels [tile of `width` keys][dim][width] of k or v [rows, stride].
void pack_panels(const float* x, int64_t rows, int64_t stride, int64_t dim, int64_t width, float* out) {
  for (int64_t tile = 0; tile * width < rows; ++tile, out += dim * width) {
    const int64_t valid = std::min(width, rows - tile * width);
    for (int64_t d = 0; d < dim; ++d) {
      for (int64_t r = 0; r < valid; ++r) out[d * width + r] = x[(tile * width + r) * stride + d];
      for (int64_t r = valid; r < width; ++r) out[d * width + r] = 0;
    }
  }
}

// [tile of `width` columns][rows][width] of x [rows, stride], columns beyond `dim` zero.
void pack_lines(const float* x, int64_t rows, int64_t stride, int64_t dim, int64_t width, float* out) {
  for (int64_t tile = 0; tile * width < dim; ++tile) {
    const int64_t valid = std::min(width, dim - tile * width);
    for (int64_t r = 0; r < rows; ++r, out += width) {
      std::memcpy(out, x + r * stride + tile * width, size_t(valid) * sizeof(float));
      std::memset(out + valid, 0, size_t(width - valid) * sizeof(float));
    }
  }
}

struct Task {
  const AttentionGradient& job;
  const qw_panel_kernel& kernel;
  const qw::BackwardRows& rows;
  Layout l;
  float* at;  // scratch
  int64_t kv;

  static constexpr float kZeros[kMostWidth] = {};

  // y [m, n] (+)= a^T-like left [k][m] times panels [n / width][depth][width]; left(i, height, out) packs [k][height] of rows i .. of the left matrix.
  template <typename Left>
  void multiply(int64_t m, int64_t n, int64_t depth, const float* panels, int64_t panel_stride, bool accumulate, float* y, int64_t ldy, Left left) const {
    float* packed = at + l.left;
    for (int64_t i = 0; i < m; i += kernel.height) {
      const int64_t height = std::min<int64_t>(kernel.height, m - i);
      left(i, height, packed);
      for (int64_t tile = 0; tile * kernel.width < n; ++tile) {
        kernel.multiply(int(height), depth, packed, panels + tile * panel_stride, kZeros, accumulate, y + i * ldy + tile * kernel.width, ldy);
      }
    }
  }

  void block(int64_t head, int64_t first) const {
    const int64_t dim = job.head_dim, q_width = job.heads * dim, width = kernel.width, count = std::min(kRows, job.rows - first);
    const int64_t begin = first_visible(job, first) / width * width, visible = first + count - begin, ld = l.keys;
    const float *q = job.q + first * q_width + head * dim, *dout = job.dout + first * q_width + head * dim;
    float *p = at + l.p, *dp = at + l.dp, *slope = at + l.slope;
    const auto rows_of = [&](const float* x) {
      return [=](int64_t i, int64_t height, float* out) {
        for (int64_t d = 0; d < dim; ++d) {
          for (int64_t r = 0; r < height; ++r) out[d * height + r] = x[(i + r) * q_width + d];
        }
      };
    };
    multiply(count, visible, dim, at + l.k_panels + begin * dim, dim * width, false, p, ld, rows_of(q));
    multiply(count, visible, dim, at + l.v_panels + begin * dim, dim * width, false, dp, ld, rows_of(dout));
    for (int64_t r = 0; r < count; ++r) {
      float *p_row = p + r * ld, *dp_row = dp + r * ld;
      const int64_t from = first_visible(job, first + r) - begin, to = first + r + 1 - begin;
      rows.attend(p_row + from, to - from, job.scale, job.cap, slope + (job.cap > 0 ? r * ld + from : 0));
      rows.attended(p_row + from, to - from, job.scale, job.cap > 0 ? slope + r * ld + from : nullptr, dp_row + from);
      for (float* row : {p_row, dp_row}) {
        std::fill(row, row + from, 0.0f);
        std::fill(row + to, row + visible, 0.0f);
      }
    }
    // dq of the block.
    multiply(count, dim, visible, at + l.k_lines + begin * width, l.keys * width, false, at + l.dq, l.dim, [&](int64_t i, int64_t height, float* out) {
      for (int64_t j = 0; j < visible; ++j) {
        for (int64_t r = 0; r < height; ++r) out[j * height + r] = dp[(i + r) * ld + j];
      }
    });
    for (int64_t r = 0; r < count; ++r) {
      float* dq = job.dq + (first + r) * q_width + head * dim;
      for (int64_t d = 0; d < dim; ++d) dq[d] += at[l.dq + r * l.dim + d];
    }
    // dk and dv of the keys that it sees.
    const auto keys_of = [&](const float* x) {
      return [=](int64_t j, int64_t height, float* out) {
        for (int64_t r = 0; r < count; ++r) std::memcpy(out + r * height, x + r * ld + j, size_t(height) * sizeof(float));
      };
    };
    pack_lines(q, count, q_width, dim, width, at + l.q_block);
    pack_lines(dout, count, q_width, dim, width, at + l.dout_block);
    multiply(visible, dim, count, at + l.q_block, count * width, true, at + l.dk + begin * l.dim, l.dim, keys_of(dp));
    multiply(visible, dim, count, at + l.dout_block, count * width, true, at + l.dv + begin * l.dim, l.dim, keys_of(p));
  }

  void run() const {
    const int64_t dim = job.head_dim, kv_width = job.kv_heads * dim, group = job.heads / job.kv_heads;
    const float *k = job.k + kv * dim, *v = job.v + kv * dim;
    pack_panels(k, job.rows, kv_width, dim, kernel.width, at + l.k_panels);
    pack_panels(v, job.rows, kv_width, dim, kernel.width, at + l.v_panels);
    for (int64_t tile = 0; tile * kernel.width < dim; ++tile) {
      pack_lines(k + tile * kernel.width, job.rows, kv_width, std::min<int64_t>(kernel.width, dim - tile * kernel.width), kernel.width,
                 at + l.k_lines + tile * l.keys * kernel.width);
    }
    std::fill(at + l.dk, at + l.dk + l.keys * l.dim, 0.0f);
    std::fill(at + l.dv, at + l.dv + l.keys * l.dim, 0.0f);
    for (int64_t head = kv * group; head < (kv + 1) * group; ++head) {
      for (int64_t first = 0; first < job.rows; first += kRows) block(head, first);
    }
    for (int64_t j = 0; j < job.rows; ++j) {
      for (int64_t d = 0; d < dim; ++d) {
        job.dk[j * kv_width + kv * dim + d] += at[l.dk + j * l.dim + d];
        job.dv[j * kv_width + kv * dim + d] += at[l.dv + j * l.dim + d];
      }
    }
  }
};

}  // namespace

int64_t qw::attention_gradient_scratch(const AttentionGradient& shape, int threads) { return threads * layout_of(shape).size; }

void qw::attention_gradient(const AttentionGradient& job, float* scratch, qw_pool* pool) {
  const qw_panel_kernel* kernel = qw_panel_kernel_in_force();
  const BackwardRows& rows = backward_rows_in_force();
  const Layout layout = layout_of(job);
  qw::parallel(pool, job.kv_heads, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t kv = begin; kv < end; ++kv) {
      if (kernel == nullptr) {
        const int64_t group = job.heads / job.kv_heads;
        for (int64_t head = kv * group; head < (kv + 1) * group; ++head) serial_head(job, head);
      } else {
        Task{job, *kernel, rows, layout, scratch + thread * layout.size, kv}.run();
      }
    }
  });
}
