// Rows in parallel: widen a row into a buffer of the task, fit and round its groups, and add up what was lost.
#include "solve/rtn/rtn.h"

#include <new>

#include "solve/rtn/rounding.h"

qw_status qw_rtn_plan(const qw_rtn_options* options, int64_t rows, int64_t cols, int* is_signed, int64_t* groups) {
  const bool inc = options->dialect == QW_RTN_INC;
  if (rows < 1 || cols < 1) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: a matrix of %lld x %lld has nothing to round", (long long)rows, (long long)cols);
  }
  if (options->dialect < QW_RTN_INSTANT_QUANT || options->dialect > QW_RTN_ZEROQUANT) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: unknown dialect %d", int(options->dialect));
  }
  const bool binary = options->bits == 1 && options->dialect == QW_RTN_ZEROQUANT;
  if (!binary && (options->bits < 2 || options->bits > 8)) {
    return qw_error(QW_UNSUPPORTED, "rtn: %d bits; 2 to 8 are supported (zeroquant: 1 to 8)", options->bits);
  }
  if (options->dialect == QW_RTN_ZEROQUANT && options->bits <= 2 && !options->symmetric) {
    return qw_error(QW_UNSUPPORTED, "rtn: zeroquant rounds %d-bit weights symmetrically only (ternary, binary)", options->bits);
  }
  if (options->group_size != -1 && (options->group_size < 1 || options->group_size > cols)) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: group_size %lld of a matrix with %lld columns; use -1 (one group a row) or 1 to %lld",
                    (long long)options->group_size, (long long)cols, (long long)cols);
  }
  if (options->dialect == QW_RTN_INSTANT_QUANT && options->symmetric) {
    return qw_error(QW_UNSUPPORTED, "rtn: instant_quant weights are asymmetric; use symmetric false, or another dialect");
  }
  if (options->dialect == QW_RTN_DASHINFER_CPU && (options->symmetric || options->bits != 8)) {
    return qw_error(QW_UNSUPPORTED, "rtn: dashinfer_cpu has 8-bit asymmetric weights only; use 8 bits and symmetric false, or another dialect");
  }
  if (options->mse && options->dialect != QW_RTN_IST && options->dialect != QW_RTN_QLLM && !inc) {
    return qw_error(QW_UNSUPPORTED, "rtn: only the dialects ist, qllm and inc search a smaller range (mse)");
  }
  if (options->full_range && !(inc && options->symmetric)) {
    return qw_error(QW_UNSUPPORTED, "rtn: full_range needs the dialect inc and symmetric");
  }
  if (options->quantile != 0 && options->quantile != 1 && !inc) return qw_error(QW_UNSUPPORTED, "rtn: only the dialect inc has a quantile");
  if (!(options->quantile >= 0 && options->quantile <= 1)) {
    return qw_error(QW_INVALID_ARGUMENT, "rtn: quantile %g must lie in (0, 1]", double(options->quantile));
  }
  *is_signed = qw_rtn_is_signed(options);
  *groups = options->group_size == -1 ? 1 : (cols + options->group_size - 1) / options->group_size;
  return qw_ok();
}

qw_status qw_rtn(const qw_dense* source, const qw_rtn_options* options, qw_pool* pool, void* codes, float* scale, float* zero,
                 qw_rtn_result* result) {
  int is_signed;
  int64_t groups;
  const qw_status planned = qw_rtn_plan(options, source->rows, source->cols, &is_signed, &groups);
  if (planned.code != QW_OK) return planned;
  try {
    qw::RtnRounding rounding(*source, *options, is_signed, groups);
    if (options->mse && options->dialect == QW_RTN_INC) rounding.search_ratio(pool, {});
    rounding.for_rows(pool, 0, source->rows, [&](int64_t row, const float* x) {
      rounding.round_row(row, x, static_cast<uint8_t*>(codes) + row * source->cols, scale + row * groups, zero + row * groups);
    });
    return rounding.finish(result);
  } catch (const std::bad_alloc&) {
    return qw_error(QW_OUT_OF_MEMORY, "rtn: no memory for the row buffers of a %lld x %lld matrix", (long long)source->rows,
                    (long long)source->cols);
  }
}
