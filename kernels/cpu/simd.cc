// Detects the instruction set once (CPUID and the register state the operating system saves), honours QUANTWRIGHT_SIMD.
// Never executes an instruction of the level it tests.
#include "abi/dispatch.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

constexpr const char* kNames[QW_SIMD_COUNT] = {"serial", "avx2", "avx512", "avx512vnni"};

#if defined(__x86_64__)
uint64_t saved_register_state() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t(high) << 32) | low;
}

bool all_bits(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

qw_simd detect() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return QW_SIMD_SERIAL;
  constexpr uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if (!all_bits(c, fma | osxsave | avx | f16c)) return QW_SIMD_SERIAL;
  const uint64_t state = saved_register_state();
  if (!all_bits(state, 0x6)) return QW_SIMD_SERIAL;  // XMM and YMM
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return QW_SIMD_SERIAL;
  constexpr uint32_t avx2 = 1u << 5, avx512f = 1u << 16, avx512dq = 1u << 17, avx512bw = 1u << 30, avx512vl = 1u << 31;
  constexpr uint32_t avx512vnni = 1u << 11;
  if (!all_bits(b, avx2)) return QW_SIMD_SERIAL;
  if (!all_bits(state, 0xe6)) return QW_SIMD_AVX2;  // opmask and ZMM
  if (!all_bits(b, avx512f | avx512dq | avx512bw | avx512vl)) return QW_SIMD_AVX2;
  return all_bits(c, avx512vnni) ? QW_SIMD_AVX512VNNI : QW_SIMD_AVX512;
}
#else
qw_simd detect() { return QW_SIMD_SERIAL; }
#endif

struct Choice {
  qw_simd best;
  std::atomic<int> level;
  qw_status problem = qw_ok();

  Choice() : best(detect()), level(best) {
    const char* wanted = std::getenv("QUANTWRIGHT_SIMD");
    if (wanted == nullptr || *wanted == '\0') return;
    for (int i = 0; i < QW_SIMD_COUNT; ++i) {
      if (std::strcmp(wanted, kNames[i]) != 0) continue;
      if (i <= best) {
        level = i;
      } else {
        problem = qw_error(QW_UNSUPPORTED, "QUANTWRIGHT_SIMD=%s: this CPU has no %s; using %s.", wanted, wanted, kNames[best]);
      }
      return;
    }
    problem = qw_error(QW_INVALID_ARGUMENT, "QUANTWRIGHT_SIMD=%.40s is not a level (serial, avx2, avx512, avx512vnni); using %s.", wanted,
                       kNames[best]);
  }
};

Choice& choice() {
  static Choice value;
  return value;
}

}  // namespace

extern "C" qw_simd qw_simd_level(void) { return static_cast<qw_simd>(choice().level.load(std::memory_order_relaxed)); }

extern "C" qw_simd qw_simd_best(void) { return choice().best; }

extern "C" const char* qw_simd_name(qw_simd level) {
  return level >= QW_SIMD_SERIAL && level < QW_SIMD_COUNT ? kNames[level] : "unknown";
}

extern "C" const char* qw_simd_problem(void) { return choice().problem.message; }

extern "C" qw_status qw_simd_force(qw_simd level) {
  if (level < QW_SIMD_SERIAL || level >= QW_SIMD_COUNT) return qw_error(QW_INVALID_ARGUMENT, "SIMD level %d does not exist.", int(level));
  if (level > qw_simd_best()) {
    return qw_error(QW_UNSUPPORTED, "This CPU has no %s; its best level is %s.", kNames[level], kNames[qw_simd_best()]);
  }
  choice().level = level;
  return qw_ok();
}
