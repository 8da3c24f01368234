// What llm-compressor refuses in a recipe, and what it passes over in silence.
import { nearestWord } from '../../check/nearest-word.ts';
import { startAnchored } from '../../recipe/module-weights.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { LowerProblem } from '../config-format.ts';
import { removeFix, renameFix, setFix } from '../fixes.ts';
import { fromPython } from '../hf/module-patterns.ts';
import { presetsIn } from './groups.ts';
import { groupsOf, MODIFIERS, type Modifier, modifiersOf, QUANTIZING, SOURCE } from './modifiers.ts';
import { isPreset, PRESETS } from './presets.ts';

const MIXIN = 'vllm-project/llm-compressor src/llmcompressor/modifiers/quantization/quantization/mixin.py';
const AWQ = 'vllm-project/llm-compressor src/llmcompressor/modifiers/awq/__init__.py';
/** Settings that AWQModifier had when it quantized too. */
const OLD_AWQ = ['scheme', 'config_groups', 'targets', 'ignore'];

export function recipeProblems(value: unknown, path: JsonPath): readonly LowerProblem[] {
  const modifiers = modifiersOf(value, path);
  return [
    ...notRead(value, path),
    ...modifiers.flatMap((modifier, index) => [
      ...known(modifier),
      ...scheme(modifier),
      ...order(modifier),
      ...patterns(modifier),
      ...(modifier.name === 'AWQModifier' ? awq(modifier, modifiers.slice(index + 1)) : []),
    ]),
  ];
}

/** Names that do not end as the tool looks for them. */
function notRead(value: unknown, path: JsonPath): readonly LowerProblem[] {
  return groupsOf(value, path)
    .filter(({ read }) => !read)
    .map(({ path: place }) => {
      const [stage, group] = place.slice(-2).map(String);
      const staged = stage?.endsWith('_stage') === true;
      const at = staged ? place : place.slice(0, -1);
      const name = String(at.at(-1));
      const ending = staged ? '_modifiers' : '_stage';
      const meant = `${name.replace(staged ? /_?mod\w*$/i : /_?stage\w*$/i, '') || 'default'}${ending}`;
      const message = `llm-compressor reads ${staged ? 'groups' : 'stages'} whose name ends in "${ending}" and passes "${name}" over, with all modifiers in it (${staged ? group : stage}).`;
      return { code: 'QC012', path: at, severity: 'warning', message, source: SOURCE, fixes: [renameFix(at, meant)] };
    });
}

function known({ name, path }: Modifier): readonly LowerProblem[] {
  if (MODIFIERS.includes(name)) {
    return [];
  }
  const nearest = nearestWord(name, MODIFIERS);
  const message = `llm-compressor stops: "No modifier of type '${name}' found."${nearest === null ? '' : ` Did you mean ${nearest}?`}`;
  const severity = nearest === null ? ('warning' as const) : ('error' as const);
  return [{ code: 'QC013', path, severity, message, source: SOURCE, fixes: nearest === null ? [] : [renameFix(path, nearest)] }];
}

function scheme({ path, fields }: Modifier): readonly LowerProblem[] {
  const at = [...path, 'scheme'];
  const presets = presetsIn(fields);
  if (presets.length > 0 && fields.object('config_groups') !== null) {
    const fixes = [removeFix([...path, 'config_groups']), { ...removeFix(at), preferred: false }];
    return [{ code: 'QC013', path: at, message: 'llm-compressor stops: "Please specify either `scheme` or `config_groups`".', source: MIXIN, fixes }];
  }
  return presets
    .filter((preset) => !isPreset(preset))
    .map((preset) => {
      const nearest = nearestWord(preset, PRESETS);
      const whole = fields.text('scheme') !== null;
      const fix = nearest === null ? [] : [whole ? setFix(at, nearest) : renameFix([...at, preset], nearest)];
      const guess = nearest === null ? ` Presets are ${PRESETS.join(', ')}.` : ` Did you mean ${nearest}?`;
      const message = `"${preset}" is no preset. llm-compressor stops: "\`scheme\` must either be a preset scheme name or a dictionary of preset scheme names".${guess}`;
      return { code: 'QC013', path: whole ? at : [...at, preset], on: whole ? 'value' : 'key', message, source: MIXIN, fixes: fix };
    });
}

function order({ name, path, fields }: Modifier): readonly LowerProblem[] {
  const value = fields.value['actorder'];
  if (name !== 'GPTQModifier' || !(value === 'group' || value === 'dynamic' || value === true)) {
    return [];
  }
  const at = [...path, 'actorder'];
  const message = `actorder ${JSON.stringify(value)} was removed from compressed-tensors in August 2026, and newer runtimes refuse the checkpoint; "weight" and "static" stay.`;
  const source = 'vllm-project/compressed-tensors pull request 840';
  return [{ code: 'QC009', path: at, on: 'value', severity: 'warning', message, source, fixes: [setFix(at, 'weight')] }];
}

function awq({ path, fields }: Modifier, after: readonly Modifier[]): readonly LowerProblem[] {
  const old = OLD_AWQ.filter((key) => Object.hasOwn(fields.value, key));
  const [first] = old;
  const followed = after.some(({ name }) => QUANTIZING.includes(name));
  if (first !== undefined) {
    const message = `AWQModifier no longer quantizes: ${old.join(', ')} belong to a QuantizationModifier behind it. Newer versions refuse them here.`;
    const group = path.slice(0, -1);
    const moved = Object.fromEntries(old.map((key) => [key, fields.value[key]]));
    const removals = old.map((key) => ({ kind: 'remove' as const, path: [...path, key] }));
    const fix = {
      title: 'Move them to a QuantizationModifier',
      edits: [...removals, { kind: 'set' as const, path: [...group, 'QuantizationModifier'], value: moved }],
      preferred: true,
    };
    return [{ code: 'QC020', path: [...path, first], severity: 'warning', message, source: AWQ, fixes: followed ? [] : [fix] }];
  }
  if (followed) {
    return [];
  }
  const message = 'llm-compressor stops: "AWQ must be run with a subsequent quantization modifier"; this recipe has none behind AWQModifier.';
  const added = {
    kind: 'set' as const,
    path: [...path.slice(0, -1), 'QuantizationModifier'],
    value: { scheme: 'W4A16_ASYM', targets: ['Linear'], ignore: ['lm_head'] },
  };
  return [{ code: 'QC013', path, message, source: SOURCE, fixes: [{ title: 'Add a QuantizationModifier behind it', edits: [added], preferred: true }] }];
}

function patterns({ path, fields }: Modifier): readonly LowerProblem[] {
  return ['ignore', 'targets'].flatMap((key) => {
    const list = fields.value[key];
    const texts: readonly unknown[] = Array.isArray(list) ? list : [];
    return texts.flatMap((text, index): readonly LowerProblem[] => {
      if (typeof text !== 'string' || !text.startsWith('re:') || startAnchored(fromPython(text.slice(3))) !== null) {
        return [];
      }
      const at = [...path, key, index];
      return [
        {
          code: 'QC025',
          path: at,
          on: 'value',
          severity: 'warning',
          message: `"${text.slice(3)}" is not a regular expression.`,
          source: SOURCE,
          fixes: [removeFix(at)],
        },
      ];
    });
  });
}
