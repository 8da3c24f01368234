// How many threads compute-bound work should use: physical cores this process may run on, within its cgroup's CPU quota.
#pragma once

// At least 1. Hyper-thread siblings count once; what cannot be read is left out of the reckoning.
int qw_cores_available(void);
