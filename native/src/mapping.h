// A read-only memory mapping of a whole file. Shared by everything that computes on its bytes; unmapped with the last of them.
// A file that another process truncates while it is mapped ends this process when the lost pages are touched (SIGBUS): checkpoints are
// replaced by rename, never rewritten in place.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "abi/status.h"

namespace quantwright {

class Mapping {
 public:
  static qw_status open(const std::string& path, std::shared_ptr<const Mapping>* out);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  // Whole pages inside the range may be dropped from memory; they are read again when touched.
  void release(size_t offset, size_t length) const;
  // The bytes from `data` on will be read soon, in any order: the system may read them ahead.
  void will_need(const void* data, size_t length) const;

 private:
  Mapping(uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t* data_;
  size_t size_;
};

}  // namespace quantwright
