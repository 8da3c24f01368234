// A config that asks for packed weights beside files that hold none: most often copied from another model.
import type { Finding } from '../../check/finding.ts';
import type { TensorTable } from '../../checkpoint/model-files.ts';
import { rangeAt } from '../../document/find.ts';
import type { RuleContext } from '../rule.ts';

/** Scheme -> tensors of which at least one module has one. */
const TENSORS: Readonly<Record<string, readonly string[]>> = {
  gptq: ['qweight'],
  awq: ['qweight'],
  'auto-round': ['qweight', 'weight_packed', 'weight_scale'],
};
/** Linears that every quantizer takes. */
const LINEAR = /\.(?:q_proj|k_proj|o_proj|down_proj|up_proj|qkv_proj|gate_up_proj|c_attn)$/;
const FLOATS = ['BF16', 'F16', 'F32'];

export function notPacked(context: RuleContext): readonly Finding[] {
  const { recipe, files, format } = context;
  const table = files?.tensors ?? null;
  const wanted = TENSORS[recipe?.scheme ?? ''];
  if (recipe === null || table === null || wanted === undefined || format.describes !== 'checkpoint' || table.problems.length > 0) {
    return [];
  }
  const plain = table.modules.filter((module) => LINEAR.test(module) && isPlain(module, table));
  const [first] = plain;
  if (first === undefined || table.modules.some((module) => wanted.some((name) => table.tensors.has(`${module}.${name}`)))) {
    return [];
  }
  const path = context.origins.scheme?.path ?? context.path;
  return [
    {
      code: 'QC024',
      severity: 'error',
      message: `The config says ${recipe.scheme}, but the files hold no packed weights: ${plain.length} linears are plain (${first}.weight ...). Runtimes look for ${first}.${wanted[0]} and fail; the config belongs to another checkpoint.`,
      path,
      range: rangeAt(context.document.root, path),
      supportRule: null,
      source: `safetensors headers, ${table.tensors.size} tensors`,
      fixes: [],
    },
  ];
}

function isPlain(module: string, { tensors }: TensorTable): boolean {
  return FLOATS.includes(tensors.get(`${module}.weight`)?.dtype ?? '');
}
