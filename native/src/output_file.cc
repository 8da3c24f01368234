#include "output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace quantwright {

namespace {
// One call writes at most 2 GiB on Linux.
constexpr int64_t kLargestWrite = int64_t(64) << 20;
}  // namespace

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
}

qw_status OutputFile::open() {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  return file_ < 0 ? problem("open") : qw_ok();
}

qw_status OutputFile::write(const void* data, int64_t bytes, int64_t position) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::pwrite(file_, at, size_t(std::min(bytes, kLargestWrite)), off_t(position));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return problem("write");
    at += count;
    bytes -= count;
    position += count;
  }
  return qw_ok();
}

void OutputFile::begin_sync(int64_t position, int64_t bytes) const {
#if defined(__linux__)
  ::sync_file_range(file_, position, bytes, SYNC_FILE_RANGE_WRITE);  // advice: a refusal costs only time later
#else
  (void)position;
  (void)bytes;
#endif
}

qw_status OutputFile::problem(const char* what) const { return qw_error(QW_IO, "Cannot %s %s: %s.", what, path_.c_str(), std::strerror(errno)); }

}  // namespace quantwright
