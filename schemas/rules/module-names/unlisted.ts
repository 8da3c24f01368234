// Vision towers and routers that the checkpoint keeps in floating point while the config says they are quantized: the runtime builds packed layers
// for them and finds no weights.
import type { Finding } from '../../check/finding.ts';
import type { TensorTable } from '../../checkpoint/model-files.ts';
import { literal } from '../../configs/hf/not-converted.ts';
import { writtenPatterns } from '../../configs/written-patterns.ts';
import { rangeAt } from '../../document/find.ts';
import { IGNORED, moduleSettings } from '../../recipe/module-settings.ts';
import { addFix } from '../list-edits.ts';
import type { RuleContext } from '../rule.ts';

const VISION = /(?:^|\.)(?:visual|vision_tower|vision_model|vision_encoder|multi_modal_projector|mm_projector|audio_tower)(?=\.|$)/;
const ROUTER = /(?:^|\.)(?:mlp\.gate|block_sparse_moe\.gate|mlp\.shared_expert_gate|mlp\.router|feed_forward\.router)$/;
const FLOATS = ['BF16', 'F16', 'F32'];

interface Part {
  readonly kind: string;
  /** Text that a pattern must hold to reach it: a prefix of the tower, the end of a router's name. */
  readonly name: string;
  readonly isPrefix: boolean;
}

export function unlistedParts(context: RuleContext): readonly Finding[] {
  const { recipe, files, format } = context;
  const table = files?.tensors ?? null;
  const key = listKey(context);
  if (recipe === null || table === null || format.describes !== 'checkpoint' || key === null) {
    return [];
  }
  const { plain, isPacked } = plainParts(table);
  if (!isPacked || plain.length === 0) {
    return [];
  }
  const settings = moduleSettings(recipe, table.modules);
  const parts = new Map<string, { readonly part: Part; readonly modules: string[] }>();
  for (const { module, place, part } of plain) {
    // AutoAWQ and its readers leave every module out whose name holds the text, and a router's is part of gate_proj's.
    if (settings[place] !== IGNORED && (part.isPrefix || recipe.scheme !== 'awq')) {
      const known = parts.get(part.name) ?? { part, modules: [] };
      known.modules.push(module);
      parts.set(part.name, known);
    }
  }
  return [...parts.values()].map(({ part, modules }) => findingOf(part, modules, key, context));
}

interface PlainParts {
  /** Towers and routers in floating point. */
  readonly plain: readonly { readonly module: string; readonly place: number; readonly part: Part }[];
  /** Some module of the checkpoint is quantized. */
  readonly isPacked: boolean;
}

const known = new WeakMap<TensorTable, PlainParts>();

function plainParts(table: TensorTable): PlainParts {
  const ready = known.get(table);
  if (ready !== undefined) {
    return ready;
  }
  const plain = table.modules.flatMap((module, place) => {
    const part = partOf(module);
    return part !== null && isPlain(module, table) ? [{ module, place, part }] : [];
  });
  const parts = { plain, isPacked: table.modules.some((module) => isQuantized(module, table)) };
  known.set(table, parts);
  return parts;
}

function isPlain(module: string, { tensors }: TensorTable): boolean {
  const header = tensors.get(`${module}.weight`) ?? null;
  return header !== null && FLOATS.includes(header.dtype) && header.shape.length === 2;
}

function isQuantized(module: string, { tensors }: TensorTable): boolean {
  const header = tensors.get(`${module}.weight`) ?? null;
  return header === null ? !tensors.has(`${module}.weight`) : !FLOATS.includes(header.dtype);
}

function partOf(module: string): Part | null {
  const tower = VISION.exec(module);
  if (tower !== null) {
    return { kind: 'The vision or audio part', name: module.slice(0, tower.index + tower[0].length), isPrefix: true };
  }
  const router = ROUTER.exec(module);
  return router === null ? null : { kind: 'The router', name: router[0].replace(/^\./, ''), isPrefix: false };
}

/** The key that lists what stays in floating point, for schemes that quantize every linear but those. Null: the others. */
function listKey(context: RuleContext): string | null {
  const { recipe, origins } = context;
  const patterns = writtenPatterns(context.format.id, context.value, context.path, false).filter(({ use }) => use === 'targets');
  const everything = recipe?.scheme !== 'compressed-tensors' || patterns.some(({ text }) => text === 'Linear');
  const listed = recipe?.scheme === 'compressed-tensors' || origins.ignore?.present === true;
  const scheme = ['compressed-tensors', 'modelopt', 'awq', 'fp8'].includes(recipe?.scheme ?? '');
  const key = origins.ignore?.path.at(-1);
  return everything && listed && scheme && typeof key === 'string' ? key : null;
}

function findingOf(part: Part, modules: readonly string[], key: string, context: RuleContext): Finding {
  const path = context.origins.ignore?.path ?? [...context.path, key];
  const pattern = patternFor(part, key);
  return {
    code: 'QC003',
    severity: 'warning',
    message: `${part.kind} (${modules.length} modules, ${modules[0]} ...) is plain in the checkpoint, but "${key}" does not name it: runtimes build quantized layers for it and find no weights.`,
    path,
    range: rangeAt(context.document.root, path, 'key'),
    supportRule: null,
    source: 'vllm-project/vllm issues 9832 and 26182',
    fixes: addFix(context.document, path, pattern),
  };
}

function patternFor({ name, isPrefix }: Part, key: string): string {
  switch (key) {
    case 'ignore':
      return isPrefix ? `re:${literal(name)}.*` : `re:.*${literal(name)}$`;
    case 'exclude_modules':
    case 'exclude':
      return isPrefix ? `${name}*` : `*${name}`;
    default:
      return name;
  }
}
