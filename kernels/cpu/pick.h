// Which version of a kernel runs at the level in force.
//   QW_PICK(silu_mul)  of the functions silu_mul_serial, silu_mul_avx2, silu_mul_avx512 and silu_mul_neon
//   best_version(...)  of a table of versions, lowest level first, for kernels that have other levels:
//     static constexpr qw::Version<const Kernels> kVersions[] = {{QW_SIMD_SERIAL, &serial}, QW_X86({QW_SIMD_AVX2, &avx2}) QW_ARM({QW_SIMD_NEON, &neon})};
// A level without a version of its own uses that of the next lower one that the CPU has.
#pragma once
#include "abi/dispatch.h"

#if defined(__x86_64__)
#define QW_X86(...) __VA_ARGS__,
#else
#define QW_X86(...)
#endif
#if defined(__aarch64__)
#define QW_ARM(...) __VA_ARGS__,
#else
#define QW_ARM(...)
#endif
// AVX-VNNI, where the compiler knows it (CMakeLists.txt).
#if defined(QW_HAS_AVXVNNI)
#define QW_X86_AVXVNNI(...) __VA_ARGS__,
#else
#define QW_X86_AVXVNNI(...)
#endif

// AMX, likewise.
#if defined(QW_HAS_AMX)
#define QW_X86_AMX(...) __VA_ARGS__,
#else
#define QW_X86_AMX(...)
#endif

namespace qw {

template <typename Kernel>
struct Version {
  qw_simd level;
  Kernel* kernel;
};

// The first version is the serial one.
template <typename Kernel, int kCount>
Kernel* best_version(const Version<Kernel> (&versions)[kCount], qw_simd level = qw_simd_level()) {
  Kernel* best = versions[0].kernel;
  for (const Version<Kernel>& version : versions) {
    if (version.level <= level && qw_simd_available(version.level)) best = version.kernel;
  }
  return best;
}

// QW_PICK on x86 and on AArch64.
template <typename Kernel>
Kernel* pick(Kernel* serial, Kernel* avx2, Kernel* avx512) {
  const Version<Kernel> versions[] = {{QW_SIMD_SERIAL, serial}, {QW_SIMD_AVX2, avx2}, {QW_SIMD_AVX512, avx512}};
  return best_version(versions);
}

template <typename Kernel>
Kernel* pick(Kernel* serial, Kernel* neon) {
  const Version<Kernel> versions[] = {{QW_SIMD_SERIAL, serial}, {QW_SIMD_NEON, neon}};
  return best_version(versions);
}

}  // namespace qw

#if defined(__x86_64__)
#define QW_PICK(name) (::qw::pick(name##_serial, name##_avx2, name##_avx512))
#elif defined(__aarch64__)
#define QW_PICK(name) (::qw::pick(name##_serial, name##_neon))
#else
#define QW_PICK(name) (name##_serial)
#endif
