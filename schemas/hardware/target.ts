// What a config is judged against: a runtime (and version), a device, and how many devices a tensor is split over.

export type RuntimeId = 'quantwright' | 'dashinfer' | 'vllm' | 'sglang' | 'transformers' | 'tensorrt-llm' | 'llama.cpp' | 'neural-compressor' | 'onnxruntime';

export interface Target {
  readonly runtime: RuntimeId;
  /** null: newest known. */
  readonly version: string | null;
  /** Id of a file in hardware/devices, e.g. nvidia-h100; null: no device checks. */
  readonly device: string | null;
  readonly tensorParallel: number;
}

/** One row of hardware/devices/<id>.json. */
export interface Device {
  readonly id: string;
  readonly name: string;
  /** Other spellings users type (h100, H100 SXM). */
  readonly aliases: readonly string[];
  /** How it is programmed: NVIDIA, AMD and Intel GPUs, Gaudi and Apple's GPUs beside the processors. */
  readonly kind: 'cuda' | 'rocm' | 'xpu' | 'gaudi' | 'metal' | 'x86' | 'arm';
  /** Marketing family: Pascal, Volta, Turing, Ampere, Ada, Hopper, Blackwell, CDNA3, Gaudi, x86, ARMv9 ... */
  readonly family: string;
  /** CUDA compute capability x10 (90 for 9.0); null for what is not NVIDIA's. */
  readonly computeCapability: number | null;
  readonly memoryGiB: number | null;
  /** CPU instruction sets (avx2, avxvnni, avx512, avx512vnni, amx, neon, neondot, sve). */
  readonly simd: readonly string[];
  readonly source: string;
  readonly asOf: string;
}
