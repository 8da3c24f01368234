// The compatibility matrix: every verdict of the judge over runtimes x devices, for a config's recipe or for the usual methods. The judge is asked
// cell by cell and nothing is added to what it says.
import type { ModelShape } from '../checkpoint/model-shape.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { devices, findDevice } from './devices.ts';
import type { CompatibilityMatrix, MatrixCell, MatrixColumn, MatrixRow } from './matrix-types.ts';
import { type MethodPreset, methodPresets } from './method-presets.ts';
import { codeOfRule, findRuntime, runtimes } from './runtimes/index.ts';
import { explainSupport, type Intent } from './support.ts';
import type { RuntimeId } from './target.ts';
import type { SupportVerdict } from './verdict.ts';

export type * from './matrix-types.ts';

export interface MatrixInput {
  /** Null: a row for each preset and runtime instead. */
  readonly recipe: Recipe | null;
  /** What the rows of a recipe are called. */
  readonly recipeName?: string;
  readonly model: ModelShape | null;
  /** Empty: every runtime that has rules. */
  readonly runtimes: readonly { readonly id: RuntimeId; readonly version: string | null }[];
  /** Ids, names or aliases; null is a column without a device; empty: all devices. */
  readonly devices: readonly (string | null)[];
  readonly tensorParallel: number;
  readonly presets?: readonly MethodPreset[];
}

interface Asked {
  readonly row: MatrixRow;
  readonly recipe: Recipe;
  readonly intent: Intent | undefined;
}

export function compatibilityMatrix(input: MatrixInput): CompatibilityMatrix {
  const columns = columnsOf(input.devices);
  const asked = rowsOf(input);
  const cells = asked.map(({ row, recipe, intent }) =>
    columns.map(({ device }) => {
      const target = { runtime: row.runtime, version: row.version, device, tensorParallel: input.tensorParallel };
      return cellOf(explainSupport(recipe, input.model, target, intent));
    }),
  );
  return { rows: asked.map(({ row }) => row), columns, cells, tensorParallel: input.tensorParallel };
}

function rowsOf({ recipe, recipeName, runtimes: wanted, presets = methodPresets }: MatrixInput): readonly Asked[] {
  const judged = wanted.length > 0 ? wanted : runtimes.filter(({ rules }) => rules.length > 0).map(({ id }) => ({ id, version: null }));
  const methods =
    recipe === null
      ? presets.map((preset) => ({ ...preset, key: `${preset.id} ` }))
      : [{ key: '', name: recipeName ?? methodName(recipe), recipe, intent: undefined }];
  return methods.flatMap((method) =>
    judged.map(({ id, version }) => ({
      row: {
        id: `${method.key}${id}${version === null ? '' : `@${version}`}`,
        method: method.name,
        runtime: id,
        runtimeName: findRuntime(id)?.name ?? id,
        version,
      },
      recipe: method.recipe,
      intent: method.intent,
    })),
  );
}

function columnsOf(wanted: readonly (string | null)[]): readonly MatrixColumn[] {
  const names = wanted.length > 0 ? wanted : devices.map(({ id }) => id);
  return names.map((name) => {
    const device = name === null ? null : findDevice(name);
    return name === null
      ? { device: null, name: 'any device', family: '' }
      : { device: device?.id ?? name, name: device?.name ?? name, family: device?.family ?? '' };
  });
}

function cellOf(verdicts: readonly SupportVerdict[]): MatrixCell {
  const [first, ...rest] = verdicts;
  const more = rest.flatMap((verdict) => (verdict.kind === 'supported' ? [] : [verdict.message]));
  const none = { runtimeWords: null, rule: null, kernel: null, versions: null, code: null, more };
  if (first === undefined) {
    return { ...none, kind: 'unknown', message: 'Nothing is known about this combination.', source: 'schemas/hardware' };
  }
  if (first.kind === 'supported') {
    return { ...none, kind: 'supported', message: `Runs with ${first.kernel}.`, source: first.source, kernel: first.kernel };
  }
  const { kind, message, runtimeWords, rule, source, versions } = first;
  return { kind, message, runtimeWords, rule, source, versions, kernel: null, code: codeOfRule(rule), more };
}

/** `gptq 4-bit, group 128`. */
export function methodName({ methods, scheme, weights }: Recipe): string {
  const name = scheme === '' ? methods.join(' + ') : scheme;
  const width = weights.dtype === 'int' ? `${weights.bits}-bit` : weights.dtype;
  const group = weights.block ? `blocks of ${weights.block.join('x')}` : weights.groupSize === -1 ? 'per channel' : `group ${weights.groupSize}`;
  return `${name} ${width}, ${group}`;
}
