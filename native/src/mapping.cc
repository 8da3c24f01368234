#include "mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace quantwright {

qw_status Mapping::open(const std::string& path, std::shared_ptr<const Mapping>* out) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return qw_error(QW_IO, "Cannot open %s: %s.", path.c_str(), std::strerror(errno));
  struct stat about;
  if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
    ::close(file);
    return qw_error(QW_IO, "Cannot map %s: it is not a regular file.", path.c_str());
  }
  const size_t size = size_t(about.st_size);
  void* data = nullptr;
  if (size > 0) {  // an empty mapping is refused by the system
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED) {
      const int problem = errno;
      ::close(file);
      return qw_error(QW_IO, "Cannot map %s (%zu bytes): %s.", path.c_str(), size, std::strerror(problem));
    }
  }
  ::close(file);  // the mapping keeps the file
  *out = std::shared_ptr<const Mapping>(new Mapping(static_cast<uint8_t*>(data), size));
  return qw_ok();
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void Mapping::release(size_t offset, size_t length) const {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE));
  const size_t begin = (offset + page - 1) / page * page, end = (offset + length) / page * page;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

void Mapping::will_need(const void* data, size_t length) const {
  const size_t page = size_t(::sysconf(_SC_PAGESIZE)), offset = size_t(static_cast<const uint8_t*>(data) - data_);
  const size_t begin = offset / page * page;
  if (length > 0) ::madvise(data_ + begin, offset + length - begin, MADV_WILLNEED);
}

}  // namespace quantwright
