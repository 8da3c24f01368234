// llama.cpp's quantizer from the shared library that node-llama-cpp ships: llama-quantize LIBRARY_DIR LIBRARY IN.gguf OUT.gguf FTYPE THREADS
// Prints JSON: seconds, and the peak of resident memory in bytes. Source: ggml-org/llama.cpp include/llama.h :: llama_model_quantize.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

// Begins as llama_model_quantize_params does; larger than any of its versions, which are returned and passed in memory.
struct params {
  int threads;
  int ftype;
  char rest[1024];
};

int main(int argc, char** argv) {
  if (argc != 7) return fprintf(stderr, "usage: llama-quantize DIR LIBRARY IN OUT FTYPE THREADS\n"), 2;
  void* library = dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
  void (*backends)(const char*) = (void (*)(const char*))dlsym(RTLD_DEFAULT, "ggml_backend_load_all_from_path");
  if (backends) backends(argv[1]);
  void (*init)(void) = (void (*)(void))dlsym(library, "llama_backend_init");
  struct params (*defaults)(void) = (struct params(*)(void))dlsym(library, "llama_model_quantize_default_params");
  unsigned (*quantize)(const char*, const char*, const struct params*) =
      (unsigned (*)(const char*, const char*, const struct params*))dlsym(library, "llama_model_quantize");
  if (!init || !defaults || !quantize) return fprintf(stderr, "the library has no quantizer\n"), 1;
  init();
  struct params chosen = defaults();
  chosen.ftype = atoi(argv[5]);
  chosen.threads = atoi(argv[6]);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  const unsigned failed = quantize(argv[3], argv[4], &chosen);
  clock_gettime(CLOCK_MONOTONIC, &end);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  if (failed) return fprintf(stderr, "llama_model_quantize failed with %u\n", failed), 1;
  printf("{\"seconds\": %.3f, \"peakBytes\": %.0f}\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9,
         (double)usage.ru_maxrss * 1024.0);
  return 0;
}
