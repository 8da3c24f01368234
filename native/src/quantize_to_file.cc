// quantizeRtnToFile and copyToFile of native/ts/binding.ts: from a mapped source to the places of a file, without the matrix in memory.
#include <algorithm>
#include <memory>
#include <vector>

#include "dense_source.h"
#include "output_file.h"
#include "pack/finite.h"
#include "pool_lease.h"
#include "promise_worker.h"
#include "quantize.h"
#include "results.h"
#include "solve/rtn/packed.h"

namespace quantwright {

namespace {

struct Target {
  std::vector<qw_rtn_part> parts;
  std::vector<std::unique_ptr<OutputFile>> files;  // of every part
  std::vector<int64_t> offsets;
  int64_t band_rows = 0, step_rows = 0;
};

qw_rtn_part part_of(const Named& given, qw_type scale_type) {
  qw_rtn_part part{};
  part.kind = static_cast<qw_rtn_part_kind>(choice(field(given, "kind"), {"code_bytes", "code_words_by_column", "code_words_by_row", "scales_by_row",
                                                                         "scales_by_group", "zeros_by_row", "zeros_by_group", "zero_bytes",
                                                                         "zero_words_by_group", "zero_words_by_row"}));
  part.type = scale_type;
  part.is_signed = flag(field(given, "signed"), false) ? 1 : 0;
  part.less = flag(field(given, "minusOne"), false) ? 1 : 0;
  return part;
}

std::string path_of(const Named& given) {
  if (!given.value.IsString()) throw invalid(given.value.Env(), given.name + " must be a string.");
  std::string path = given.value.As<Napi::String>().Utf8Value();
  if (path.find('\0') != std::string::npos) throw invalid(given.value.Env(), given.name + " contains a zero byte.");
  return path;
}

Target target_of(const Named& given, qw_type scale_type) {
  Target target;
  target.band_rows = integer(field(given, "bandRows"), 1, kMaxDimension);
  target.step_rows = integer(field(given, "stepRows"), 1, kMaxDimension);
  const Named parts = field(given, "parts");
  if (!parts.value.IsArray()) throw invalid(given.value.Env(), parts.name + " must be an array.");
  const Napi::Array list = parts.value.As<Napi::Array>();
  if (list.Length() < 1 || list.Length() > QW_RTN_MAX_PARTS) throw invalid(given.value.Env(), parts.name + " must have 1 to 4 elements.");
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Named part{list.Get(i), parts.name + "[" + std::to_string(i) + "]"};
    target.parts.push_back(part_of(field(part, "form"), scale_type));
    target.files.push_back(std::make_unique<OutputFile>(path_of(field(part, "path"))));
    target.offsets.push_back(integer(field(part, "offset"), 0, kMaxInteger));
  }
  return target;
}

// What the kernel calls back into.
struct Job {
  Target target;
  std::shared_ptr<const Mapping> mapping;  // of the source; null when it is in memory
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0, rows = 0;

  explicit Job(Target given) : target(std::move(given)) {}
};

qw_status write_region(void* context, int part, const qw_rtn_region* region) {
  Job& job = *static_cast<Job*>(context);
  OutputFile& file = *job.target.files[size_t(part)];
  const int64_t at = job.target.offsets[size_t(part)] + region->offset;
  const char* data = static_cast<const char*>(region->data);
  if (region->stride == region->piece_bytes) return file.write(data, region->pieces * region->piece_bytes, at);
  qw_status status = qw_ok();
  for (int64_t piece = 0; piece < region->pieces && status.code == QW_OK; ++piece) {
    status = file.write(data + piece * region->piece_bytes, region->piece_bytes, at + piece * region->stride);
  }
  return status;
}

void rows_done(void* context, int64_t row, int64_t count) {
  Job& job = *static_cast<Job*>(context);
  if (job.mapping == nullptr) return;
  const uint8_t* at = job.data + row * job.row_bytes;
  const size_t offset = size_t(at - job.mapping->data());
  job.mapping->release(offset, size_t(count * job.row_bytes));
  // The step after the one that begins now.
  const int64_t ahead = row + 2 * count;
  if (ahead < job.rows) job.mapping->will_need(job.data + ahead * job.row_bytes, size_t(std::min(count, job.rows - ahead) * job.row_bytes));
}

}  // namespace

Napi::Value quantize_rtn_to_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    DenseSource source = dense_source(argument(info, 0, "quantizeRtnToFile", "source"));
    const qw_rtn_options options = rtn_options(argument(info, 1, "quantizeRtnToFile", "options"));
    const qw_dense dense = source.dense;
    int is_signed = 0;
    int64_t groups = 0;
    throw_unless_ok(env, qw_rtn_plan(&options, dense.rows, dense.cols, &is_signed, &groups));
    auto job = std::make_shared<Job>(target_of(argument(info, 2, "quantizeRtnToFile", "target"), options.scale_type));
    job->mapping = source.bytes.mapping;
    job->data = static_cast<const uint8_t*>(dense.data);
    job->row_bytes = dense.cols * (dense.type == QW_F32 ? 4 : 2);
    job->rows = dense.rows;
    auto result = std::make_shared<qw_rtn_result>();
    return run_off_thread(
        env,
        [dense, options, result, job] {
          const PoolLease lease;
          const Target& target = job->target;
          for (const auto& file : target.files) {
            const qw_status opened = file->open();
            if (opened.code != QW_OK) return opened;
          }
          const qw_rtn_out out = {job.get(), write_region, rows_done, target.band_rows, target.step_rows};
          const qw_status status = qw_rtn_packed(&dense, &options, target.parts.data(), int(target.parts.size()), &out, lease.pool(), result.get());
          for (size_t p = 0; p < target.parts.size() && status.code == QW_OK; ++p) {
            target.files[p]->begin_sync(target.offsets[p], qw_rtn_part_bytes(&target.parts[p], &options, dense.rows, dense.cols));
          }
          return status;
        },
        [result, keep = std::move(source.bytes.keep)](Napi::Env e) -> Napi::Value {
          Napi::Object out = Napi::Object::New(e);
          out.Set("sqnrDb", result->sqnr_db);
          out.Set("mse", result->mse);
          out.Set("notFinite", place_or_null(e, result->not_finite_row, result->not_finite_col));
          return out;
        });
  });
}

Napi::Value copy_to_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return rejecting(env, [&]() -> Napi::Value {
    Bytes bytes = bytes_of(argument(info, 0, "copyToFile", "source"), -1);
    const int64_t position = integer(argument(info, 2, "copyToFile", "offset"), 0, kMaxInteger);
    const int64_t step = integer(argument(info, 3, "copyToFile", "stepBytes"), 4, int64_t(1) << 30) / 4 * 4;
    const Named type = argument(info, 4, "copyToFile", "type");
    const int checked = absent(type) || type.value.IsNull() ? -1 : int(type_of(type));
    auto file = std::make_shared<OutputFile>(path_of(argument(info, 1, "copyToFile", "path")));
    auto bad = std::make_shared<int64_t>(-1);
    return run_off_thread(
        env,
        [file, bad, position, step, checked, data = bytes.data, length = int64_t(bytes.length), mapping = bytes.mapping] {
          const PoolLease lease;
          qw_status status = file->open();
          for (int64_t done = 0; done < length && status.code == QW_OK; done += step) {
            const int64_t count = std::min(step, length - done);
            if (checked >= 0 && *bad < 0) {
              const int64_t width = checked == QW_F32 ? 4 : 2;
              const int64_t found = qw_first_not_finite(qw_type(checked), data + done, count / width);
              if (found >= 0) *bad = done / width + found;
            }
            status = file->write(data + done, count, position + done);
            if (mapping != nullptr) mapping->release(size_t(data + done - mapping->data()), size_t(count));
          }
          if (status.code == QW_OK) file->begin_sync(position, length);
          return status;
        },
        [bad, keep = std::move(bytes.keep)](Napi::Env e) -> Napi::Value { return *bad < 0 ? e.Null() : Napi::Number::New(e, double(*bad)); });
  });
}

}  // namespace quantwright
