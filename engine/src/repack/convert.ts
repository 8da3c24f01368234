// quantwright convert: a quantized model in another layout, with the same codes, scales and zero points. Judged as a whole by the parameters of every
// linear before anything is written; then one linear at a time. Never rounds a weight; what a layout cannot hold is refused with why and what could.
import { dashinferActivations } from '@quantwright/native/activations';
import type { NativeBinding } from '@quantwright/native/binding';
import type { ConvertParams, ConvertResult } from '@quantwright/schemas/rpc/engine';
import { isGgufPath } from '../checkpoint/gguf/file.ts';
import { EngineError } from '../errors.ts';
import { watchPeakMemory } from '../jobs/peak-memory.ts';
import { createOutputDirectory, type OutputDirectory } from '../pipeline/output-directory.ts';
import type { ConvertHooks, PlannedConversion } from './conversion.ts';
import type { Parameters } from './fit.ts';
import { openGgufSource } from './gguf/gguf-source.ts';
import { planGguf } from './gguf/plan-gguf.ts';
import { type DirectorySource, type ModelSource, openModelSource } from './model-source.ts';
import { planRepacking } from './plan-layout.ts';
import { fitAll, readParameters, refuseUnlessAll } from './refuse.ts';

/** Throws EngineError: `input`, `checkpoint`, `io`, `busy`; `config` when the layout cannot hold the weights as they are. */
export async function convertModel(params: ConvertParams, hooks: ConvertHooks): Promise<ConvertResult> {
  const started = performance.now();
  const memory = watchPeakMemory();
  const binding = await hooks.loadBinding();
  const opened = await openSource(params, binding);
  const { source } = opened;
  try {
    const plan = await planConversion(opened, params, binding, hooks);
    const output: OutputDirectory = await createOutputDirectory({
      out: params.outDir,
      modelDir: params.modelPath,
      overwrite: params.overwrite ?? false,
      resume: false,
      identity: `convert ${params.to} ${params.modelPath}`,
      bytes: plan.outputBytes,
    });
    try {
      const written = await plan.write(output.work);
      hooks.signal?.throwIfAborted();
      await output.commit();
      return {
        outDir: params.outDir,
        from: source.layout ?? 'dense',
        to: params.to,
        files: written.files,
        linears: written.linears,
        inputBytes: source.fileBytes,
        outputBytes: written.bytes,
        seconds: (performance.now() - started) / 1000,
        peakMemoryBytes: memory.peak(),
        warnings: written.warnings,
      };
    } catch (cause) {
      await output.abort();
      throw cause;
    }
  } finally {
    source.close();
  }
}

type Opened = { readonly kind: 'directory'; readonly source: DirectorySource } | { readonly kind: 'gguf'; readonly source: ModelSource };

async function openSource({ modelPath, to }: ConvertParams, binding: NativeBinding): Promise<Opened> {
  if (!isGgufPath(modelPath)) return { kind: 'directory', source: await openModelSource(modelPath, binding) };
  if (to === 'gguf') throw new EngineError('input', `${modelPath} is a GGUF file already`, { file: modelPath });
  return { kind: 'gguf', source: await openGgufSource(modelPath, binding) };
}

async function planConversion(
  opened: Opened,
  { to, exact, computeMethod }: ConvertParams,
  binding: NativeBinding,
  hooks: ConvertHooks,
): Promise<PlannedConversion> {
  const { source } = opened;
  if (computeMethod === 'activate_quant' && to !== 'quantwright' && to !== 'compressed-tensors') {
    throw new EngineError(
      'input',
      `--to ${to} cannot say that activations are quantized: its layout is weight-only; write --to quantwright or --to compressed-tensors`,
      {},
    );
  }
  if (to === 'gguf') {
    if (opened.kind === 'gguf') throw new EngineError('input', `${source.path} is a GGUF file already`, { file: source.path });
    return planGguf(opened.source, exact ?? false, hooks);
  }
  if (source.modules.length === 0) {
    throw new EngineError(
      'input',
      `${source.path} holds no quantized linear, so there is nothing to convert; quantwright quantize makes a quantized model of it`,
      {
        file: source.path,
      },
    );
  }
  const parameters = (await readParameters(source, hooks.signal)).map((own) => reading(own, computeMethod));
  const fits = fitAll(to, source, parameters);
  refuseUnlessAll(source, to, fits, parameters);
  return planRepacking(
    to,
    source,
    fits.flatMap((one) => ('plan' in one ? [one.plan] : [])),
    binding,
    hooks,
  );
}

/** The parameters of a linear that reads its activations as asked. */
function reading(own: Parameters, computeMethod: ConvertParams['computeMethod']): Parameters {
  if (computeMethod === undefined) return own;
  return { ...own, activations: computeMethod === 'weight_only' ? null : (own.activations ?? dashinferActivations) };
}
