// Detects the instruction set once (x86: CPUID and the register state the operating system saves; AArch64: what the operating system
// says), honours QUANTWRIGHT_SIMD.
// Never executes an instruction of the level it tests.
#include "abi/dispatch.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(QW_HAS_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace {

constexpr const char* kNames[QW_SIMD_LEVELS] = {"serial", "avx2", "avxvnni", "avx512", "avx512vnni", "amx", "neon", "neondot"};
constexpr uint32_t kSerial = 1u << QW_SIMD_SERIAL;

// detect(): one bit a level.
#if defined(__x86_64__)
uint64_t saved_register_state() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t(high) << 32) | low;
}

bool all_bits(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

// edx of CPUID leaf 7. Linux hands the 8 KiB of tile registers to a process that asks for them (Documentation/arch/x86/xstate.rst).
bool has_amx(uint32_t edx, uint64_t state) {
#if defined(QW_HAS_AMX) && defined(__linux__)
  constexpr uint32_t amx_bf16 = 1u << 22, amx_tile = 1u << 24, amx_int8 = 1u << 25;
  constexpr uint64_t tile_state = 3u << 17;
  constexpr long request_permission = 0x1023, tile_data = 18;
  return all_bits(edx, amx_bf16 | amx_tile | amx_int8) && all_bits(state, tile_state) &&
         syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  static_cast<void>(edx), static_cast<void>(state);
  return false;
#endif
}

uint32_t detect() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return kSerial;
  constexpr uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if (!all_bits(c, fma | osxsave | avx | f16c)) return kSerial;
  const uint64_t state = saved_register_state();
  if (!all_bits(state, 0x6)) return kSerial;  // XMM and YMM
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return kSerial;
  constexpr uint32_t avx2 = 1u << 5, avx512f = 1u << 16, avx512dq = 1u << 17, avx512bw = 1u << 30, avx512vl = 1u << 31;
  constexpr uint32_t avx512vnni = 1u << 11, avxvnni = 1u << 4;
  if (!all_bits(b, avx2)) return kSerial;
  uint32_t levels = kSerial | 1u << QW_SIMD_AVX2;
  if (all_bits(state, 0xe6) && all_bits(b, avx512f | avx512dq | avx512bw | avx512vl)) {  // opmask and ZMM
    levels |= 1u << QW_SIMD_AVX512;
    if (all_bits(c, avx512vnni)) levels |= 1u << QW_SIMD_AVX512VNNI;
    if (all_bits(c, avx512vnni) && has_amx(d, state)) levels |= 1u << QW_SIMD_AMX;
  }
#if defined(QW_HAS_AVXVNNI)
  const uint32_t subleaves = a;
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && all_bits(a, avxvnni)) levels |= 1u << QW_SIMD_AVXVNNI;
#else
  static_cast<void>(avxvnni);
#endif
  return levels;
}
#elif defined(__aarch64__)
bool has_dot_product() {
#if defined(__linux__)
  constexpr unsigned long asimddp = 1ul << 20;  // HWCAP_ASIMDDP of asm/hwcap.h
  return (getauxval(AT_HWCAP) & asimddp) != 0;
#elif defined(__APPLE__)
  int32_t has = 0;
  size_t bytes = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &bytes, nullptr, 0) == 0 && has == 1;
#else
  return false;
#endif
}

uint32_t detect() { return kSerial | 1u << QW_SIMD_NEON | (has_dot_product() ? 1u << QW_SIMD_NEONDOT : 0u); }
#else
uint32_t detect() { return kSerial; }
#endif

qw_simd highest(uint32_t levels) {
  int level = QW_SIMD_LEVELS - 1;
  while (!(levels >> level & 1u)) --level;
  return static_cast<qw_simd>(level);
}

struct Choice {
  uint32_t available;
  qw_simd best;
  std::atomic<int> level;
  qw_status problem = qw_ok();

  Choice() : available(detect()), best(highest(available)), level(best) {
    const char* wanted = std::getenv("QUANTWRIGHT_SIMD");
    if (wanted == nullptr || *wanted == '\0') return;
    for (int i = 0; i < QW_SIMD_LEVELS; ++i) {
      if (std::strcmp(wanted, kNames[i]) != 0) continue;
      if (available >> i & 1u) {
        level = i;
      } else {
        problem = qw_error(QW_UNSUPPORTED, "QUANTWRIGHT_SIMD=%s: this CPU has no %s; using %s.", wanted, wanted, kNames[best]);
      }
      return;
    }
    problem = qw_error(QW_INVALID_ARGUMENT,
                       "QUANTWRIGHT_SIMD=%.40s is not a level (serial, avx2, avxvnni, avx512, avx512vnni, amx, neon, neondot); using %s.", wanted,
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
  return level >= QW_SIMD_SERIAL && level < QW_SIMD_LEVELS ? kNames[level] : "unknown";
}

extern "C" int qw_simd_available(qw_simd level) {
  return level >= QW_SIMD_SERIAL && level < QW_SIMD_LEVELS && (choice().available >> level & 1u) != 0;
}

extern "C" const char* qw_simd_problem(void) { return choice().problem.message; }

extern "C" qw_status qw_simd_force(qw_simd level) {
  if (level < QW_SIMD_SERIAL || level >= QW_SIMD_LEVELS) return qw_error(QW_INVALID_ARGUMENT, "SIMD level %d does not exist.", int(level));
  if (!qw_simd_available(level)) {
    return qw_error(QW_UNSUPPORTED, "This CPU has no %s; its best level is %s.", kNames[level], kNames[qw_simd_best()]);
  }
  choice().level = level;
  return qw_ok();
}
