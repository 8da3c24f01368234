// A file that exists and is written at places, beside whoever else writes it: the tensors of a checkpoint that a job makes.
#pragma once
#include <cstdint>
#include <string>

#include "abi/status.h"

namespace quantwright {

class OutputFile {
 public:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  qw_status open();
  qw_status write(const void* data, int64_t bytes, int64_t position);
  // Begins to bring a written range onto the disk, where the system can be asked to: a later sync finds less to do.
  void begin_sync(int64_t position, int64_t bytes) const;

 private:
  qw_status problem(const char* what) const;
  std::string path_;
  int file_ = -1;
};

}  // namespace quantwright
