// A quantization_config that no format has claimed: without quant_method transformers refuses it, with an unknown one the model is loaded as if it
// were not quantized. Methods that are known elsewhere, and have no schema here, are left alone.
import { schema } from '../../generated/schema-hf-unknown.ts';
import { validate } from '../../generated/validate-hf-unknown.ts';
import type { JsonPath } from '../../recipe/origin.ts';
import type { ConfigFormat, LowerProblem } from '../config-format.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { setFix } from '../fixes.ts';
import { inspectPlace } from '../hf/inspect.ts';
import { knownMethods } from '../hf/known-methods.ts';
import { hfPlaces } from '../hf/place.ts';
import { guessMethod } from './guess.ts';

const AUTO = 'huggingface/transformers src/transformers/quantizers/auto.py';

export const hfUnknown: ConfigFormat = {
  id: 'hf-unknown',
  title: 'quantization_config without a known method',
  schema,
  validate,
  impliedRuntime: null,
  describes: 'checkpoint',
  match(fileName, root) {
    // A file of its own may be anybody's; only a member of a model's config.json is surely meant for transformers.
    const found = hfPlaces(fileName, root).find(({ path, config }) => path.length > 0 && isUnknown(config));
    return found === undefined ? null : { path: found.path };
  },
  lower: (value, path) => ({ recipe: null, origins: {}, problems: isObject(value) ? methodProblems(value, path) : [] }),
  spell: () => [],
  inspect: inspectPlace,
};

/** DashInfer's and our own settings have no quant_method, or one that transformers is not asked about. */
function isUnknown(config: JsonObject): boolean {
  const method = config['quant_method'];
  const elsewhere = ['weight_format', 'weight_type', 'SubChannel', 'activation_type'].some((key) => Object.hasOwn(config, key));
  return !elsewhere && Object.keys(config).length > 0 && !(typeof method === 'string' && knownMethods.has(method));
}

function methodProblems(config: JsonObject, path: JsonPath): readonly LowerProblem[] {
  const at = [...path, 'quant_method'];
  const method = config['quant_method'];
  // The schema tells of a method that is no text.
  if (method !== undefined && method !== null && typeof method !== 'string') {
    return [];
  }
  const guess = guessMethod(config);
  const fixes = guess === null ? [] : [setFix(at, guess)];
  if (typeof method !== 'string') {
    const shape = guess === null ? '' : ` The keys are those of "${guess}".`;
    return [
      {
        code: 'QC004',
        path: at,
        message: `quant_method is missing. transformers refuses: "The model's quantization config from the arguments has no \`quant_method\` attribute."${shape}`,
        source: `${AUTO} :: AutoQuantizationConfig.from_dict`,
        fixes,
      },
    ];
  }
  const near = guess === null ? '' : ` Did you mean "${guess}"?`;
  return [
    {
      code: 'QC004',
      path: at,
      on: 'value',
      message: `quant_method ${JSON.stringify(method)} is not known. transformers warns ("Unknown quantization type ... Hence, we will skip the quantization") and loads packed weights as if they were plain ones.${near}`,
      source: `${AUTO} :: AutoHfQuantizer.supports_quant_method`,
      fixes,
    },
  ];
}
