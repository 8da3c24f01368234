// One linear of synthetic weights as a plan has it, and what a sink wrote of it against what was made at once. For tests of bands.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { checkConfig } from '@quantwright/schemas/check/check';
import { openCheckpoint } from '../../checkpoint/checkpoint.ts';
import { mapCheckpoint } from '../../checkpoint/mapped.ts';
import { createCheckpoint } from '../../checkpoint/sharded-writer.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { methods } from '../../methods/registry.ts';
import { ownTarget } from '../judge.ts';

import { layoutOf } from '../layouts/registry.ts';
import { type PlannedModule, planQuantization } from '../plan.ts';
import { createSink, type ModelSink } from '../sink.ts';

const binding = await loadBinding();

/** Weights [rows, cols], as `change` leaves them, under the first method of `config`. */
export async function plannedModule(
  t: TestContext,
  config: object,
  [rows, cols]: readonly [number, number],
  change: (values: Float32Array) => void = () => {},
) {
  const directory = await temporaryDirectory(t);
  const name = 'model.layers.0.mlp.up_proj.weight';
  const values = Float32Array.from({ length: rows * cols }, (_, index) => Math.sin(index * 0.7) * (1 + (index % 97) / 30));
  change(values);
  const writer = await createCheckpoint(directory, [{ name, dtype: 'F32', shape: [rows, cols] }]);
  await writer.write(name, values);
  await writer.finish();
  const { recipe } = checkConfig({ fileName: 'a.quant.json', text: JSON.stringify(config), modelConfigText: null, targets: [ownTarget] });
  assert.ok(recipe !== null);
  const [id = 'rtn'] = recipe.methods;
  const method = methods[id];
  assert.ok(method !== undefined);
  const checkpoint = await openCheckpoint(directory);
  const linear = { module: 'model.layers.0.mlp.up_proj', block: 0, rows, cols, weight: checkpoint.info(name), input: null, transposed: false, lmHead: false };
  const layout = layoutOf(recipe);
  const plan = planQuantization(recipe, method, layout, { blocks: [[linear]], others: [] });
  const mapped = mapCheckpoint(checkpoint, binding);
  t.after(() => mapped.close());
  const [module] = plan.modules;
  assert.ok(module !== undefined);
  const openSink = async (): Promise<{ directory: string; sink: ModelSink }> => {
    const out = await temporaryDirectory(t);
    return { directory: out, sink: await createSink(out, [{ part: 'all', tensors: plan.tensors }], false) };
  };
  return { mapped, module, layout, method, openSink };
}

/** Finishes the sink; the module's tensors in its directory are `data`, byte by byte. */
export async function assertWritten(sink: ModelSink, directory: string, module: PlannedModule, data: readonly (Uint8Array | undefined)[], where: string) {
  await sink.finishPart('all', { modules: [], warnings: [] });
  await sink.finish();
  const written = mapCheckpoint(await openCheckpoint(directory), binding);
  for (const [index, { name }] of module.tensors.entries()) assert.deepEqual(written.read(name), new Uint8Array(data[index] ?? []), `${name}, ${where}`);
  written.close();
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quantwright-bands-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
