// Cost of an op besides its kernel: a program of 240 additions of 16 elements, one token at a time.
#include <chrono>

#include "testing/check.h"
#include "program/program.h"

int main() {
  const int64_t widths[] = {16, 16};
  std::vector<qw_op> ops(240);
  for (qw_op& op : ops) op.kind = QW_OP_ADD, op.out = 1;
  const qw_program_spec spec{QW_INPUT_HIDDEN, widths, 2, ops.data(), int64_t(ops.size()), nullptr, 0, 1};
  qw_program* program = nullptr;
  qw_session* session = nullptr;
  if (qw_program_create(&spec, &program).code != QW_OK || qw_session_create(program, 1 << 20, qw_kv_plain(QW_F32), &session).code != QW_OK) return 1;
  const float x[16] = {};
  float y[16];
  double best = 1e9;
  for (int i = 0; i < 20000; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (qw_program_run(program, session, x, 1, QW_ROWS_LAST, y, qw_pool_shared()).code != QW_OK) return 1;
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::printf("%.3f us an op (best of 20000 tokens)\n", best / double(ops.size()) * 1e6);
  qw_session_free(session);
  qw_program_free(program);
}
