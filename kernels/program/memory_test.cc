// A session that once found no memory goes on with smaller runs.
#include <cstring>

#include "program/program.h"
#include "testing/check.h"

using namespace qw_test;

namespace {

// A codec that wants more memory than there is for more than one row, and writes to what it is given.
size_t scratch_bytes(const qw_weight*, int64_t m) { return m > 1 ? size_t(1) << 56 : 4096; }

void matmul(const qw_weight* weight, const float* x, int64_t ldx, int64_t m, const float*, float* y, int64_t ldy, void* scratch, qw_pool*) {
  std::memset(scratch, 1, scratch_bytes(weight, m));
  for (int64_t i = 0; i < m; ++i) std::memcpy(y + i * ldy, x + i * ldx, size_t(weight->cols) * sizeof(float));
}

void a_smaller_run_follows_one_without_memory() {
#if defined(__SANITIZE_ADDRESS__)
  std::printf("  skipped: the address sanitizer ends the process where malloc would return NULL\n");
#else
  const qw_codec codec = {"greedy", scratch_bytes, matmul, nullptr, nullptr, 0, nullptr, nullptr};
  const qw_weight weight = {&codec, 4, 4, 64, 0};
  const int64_t widths[] = {4, 4};
  qw_op op{};
  op.kind = QW_OP_LINEAR;
  op.out = 1;
  op.weight = &weight;
  const qw_program_spec spec = {QW_INPUT_HIDDEN, widths, 2, &op, 1, nullptr, 0, 1};
  qw_program* program = nullptr;
  qw_session* session = nullptr;
  CHECK_OK(qw_program_create(&spec, &program));
  CHECK_OK(qw_session_create(program, 8, qw_kv_plain(QW_F32), &session));
  const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<float> out(8);
  CHECK_OK(qw_program_run(program, session, x.data(), 1, QW_ROWS_ALL, out.data(), qw_pool_shared()));
  CHECK_FAILS(qw_program_run(program, session, x.data(), 2, QW_ROWS_ALL, out.data(), qw_pool_shared()), QW_OUT_OF_MEMORY, "No memory");
  CHECK(qw_session_length(session) == 1);
  CHECK_OK(qw_program_run(program, session, x.data() + 4, 1, QW_ROWS_ALL, out.data(), qw_pool_shared()));
  CHECK(out[0] == 5 && out[3] == 8);
  qw_session_free(session);
  qw_program_free(program);
#endif
}

}  // namespace

int main() {
  a_smaller_run_follows_one_without_memory();
  return finish("program memory");
}
