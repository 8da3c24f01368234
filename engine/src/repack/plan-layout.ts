// A conversion into one of the layouts that quantize writes too: the same tensors, packers and config as there.
import type { NativeBinding } from '@quantwright/native/binding';
import type { ConvertResult } from '@quantwright/schemas/rpc/engine';
import { createCheckpoint } from '../checkpoint/sharded-writer.ts';
import { planBytes, type TensorPlan } from '../checkpoint/writer.ts';
import { EngineError } from '../errors.ts';
import { commonPlan, type Layout, type ModulePlan } from '../pipeline/layouts/layout.ts';
import { layouts } from '../pipeline/layouts/registry.ts';
import type { ModelSink } from '../pipeline/sink.ts';
import type { ConvertHooks, PlannedConversion } from './conversion.ts';
import { matrixFor, type Repacked } from './fit.ts';
import type { ModelSource, QuantizedModule } from './model-source.ts';

export function planRepacking(to: Repacked, source: ModelSource, plans: readonly ModulePlan[], binding: NativeBinding, hooks: ConvertHooks): PlannedConversion {
  const layout = layouts[to];
  const tensorsOf = (plan: ModulePlan): readonly TensorPlan[] =>
    layout.tensors(plan).map(({ suffix, dtype, shape }) => ({ name: `${plan.module}.${suffix}`, dtype, shape }));
  const kept = source.others.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const tensors = [...kept, ...plans.flatMap(tensorsOf)];
  const bytesOf = new Map(tensors.map((tensor) => [tensor.name, planBytes(tensor)]));
  const bytesTotal = tensors.reduce((sum, tensor) => sum + planBytes(tensor), 0);
  return {
    outputBytes: bytesTotal,
    write: async (directory) => {
      const writer = await createCheckpoint(directory, tensors, { maxShardBytes: 5_000_000_000 });
      try {
        let bytesDone = 0;
        const told = (name: string): void => {
          bytesDone += bytesOf.get(name) ?? 0;
          hooks.onProgress?.({ tensor: name, bytesDone, bytesTotal });
        };
        const sink: Pick<ModelSink, 'write' | 'claim'> = {
          write: async (name, data) => {
            await writer.write(name, data);
            told(name);
          },
          claim: (name) => {
            told(name);
            return writer.claim(name);
          },
        };
        const warnings = [...(await source.copyOthers(sink, hooks.signal)), ...warningsOf(to, plans, source)];
        for (const [index, plan] of plans.entries()) {
          hooks.signal?.throwIfAborted();
          const module = source.modules[index];
          if (module !== undefined) await repack(module, plan, layout, binding, sink);
        }
        await writer.finish();
        const { weights } = commonPlan(plans, settings)?.scheme ?? source.recipe;
        await source.writeFiles(directory, layout.config({ ...source.recipe, weights }, plans, source.left) ?? {});
        return { files: writer.files, bytes: writer.fileBytes, linears: forms(plans), warnings };
      } catch (cause) {
        await writer.abort();
        throw cause;
      }
    },
  };
}

async function repack(module: QuantizedModule, plan: ModulePlan, layout: Layout, binding: NativeBinding, sink: Pick<ModelSink, 'write'>) {
  const stored = await module.read();
  if (stored === null) throw new EngineError('internal', `${module.module} lost its codes since it was judged`, { tensor: module.module });
  const data = await layout.pack(binding, plan, await matrixFor(plan, stored));
  for (const [index, { suffix }] of layout.tensors(plan).entries()) await sink.write(`${plan.module}.${suffix}`, data[index] ?? new Uint8Array());
  module.release();
}

function settings({ scheme: { weights }, activations }: ModulePlan): string {
  return `${weights.bits}-bit codes, ${weights.groupSize === -1 ? 'one group a row' : `groups of ${weights.groupSize}`}${activations ? ', integer activations' : ''}`;
}

function forms(plans: readonly ModulePlan[]): ConvertResult['linears'] {
  const counts = new Map<string, number>();
  for (const plan of plans) counts.set(settings(plan), (counts.get(settings(plan)) ?? 0) + 1);
  return [...counts].map(([form, modules]) => ({ form, modules }));
}

function warningsOf(to: Repacked, plans: readonly ModulePlan[], source: ModelSource): readonly string[] {
  const warnings: string[] = [];
  if (to === 'gptq' && plans.some(({ scheme }) => !scheme.weights.symmetric))
    warnings.push(
      'asymmetric weights in the gptq v1 layout: a zero point of 0 is stored as -1, which some old readers get wrong; --to gptq_v2 has no such case',
    );
  if (source.recipe.activations !== null && plans.every(({ activations }) => !activations))
    warnings.push(`activations were quantized to integers in the source; they stay in floating point in the result (${to})`);
  return warnings;
}
