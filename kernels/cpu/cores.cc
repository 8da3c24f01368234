#include "cpu/cores.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>

namespace {

std::string first_line(const char* path) {
  std::string line;
  if (FILE* file = std::fopen(path, "r")) {
    char buffer[256];
    if (std::fgets(buffer, sizeof buffer, file) != nullptr) line = buffer;
    std::fclose(file);
  }
  return line;
}

int cores_by_affinity() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return int(std::thread::hardware_concurrency());
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    char path[128];
    std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    const std::string siblings = first_line(path);
    cores.insert(siblings.empty() ? "cpu" + std::to_string(cpu) : siblings);
  }
  return int(cores.size());
}

// cgroup v2: "<quota> <period>" in microseconds, or "max <period>".
int cores_by_quota() {
  double quota = 0, period = 0;
  if (std::sscanf(first_line("/sys/fs/cgroup/cpu.max").c_str(), "%lf %lf", &quota, &period) != 2 || period <= 0) return 1 << 20;
  return int(std::ceil(quota / period));
}

}  // namespace

int qw_cores_available(void) { return std::max(1, std::min(cores_by_affinity(), cores_by_quota())); }
#else
int qw_cores_available(void) { return std::max(1, int(std::thread::hardware_concurrency())); }
#endif
