// How a session keeps its keys and values, as people write it: `--kv-cache kivi4:group_size=64` on a command line, `"kv_cache": { "method": "kivi", ... }` in a
// config. One set of options, defaults and refusals for both. The engine makes the cache of a setting (engine/src/kv/cache-of-setting.ts).

export type KvSetting =
  | { readonly method: 'f32' | 'f16' | 'int8' | 'uint4' | 'fp8' }
  | {
      readonly method: 'kivi';
      readonly keyBits: 2 | 4;
      readonly valueBits: 2 | 4;
      /** Null: the largest up to 64 (kivi) or 32 (qrazor) that the model's heads and the residual length allow. */
      readonly groupSize: number | null;
      readonly residualLength: number;
      readonly quantizePrefill: boolean;
    }
  | { readonly method: 'qrazor'; readonly baseBits: 8 | 16 /** Null: as for kivi. */; readonly groupSize: number | null }
  /** Calibrated, saved with the model. bits null: 4. */
  | { readonly method: 'kvquant'; readonly bits: 2 | 3 | 4 | null };

export type KvMethod = KvSetting['method'];
export const kvMethods = ['f32', 'f16', 'int8', 'uint4', 'fp8', 'kivi', 'qrazor', 'kvquant'] as const satisfies readonly KvMethod[];
/** `kivi4` and the like: a method with bits. */
const SHORT = /^(kivi|qrazor|kvquant)([0-9]+)$/;
/** What `--kv-cache` takes, for help and errors. */
export const kvSpecWords =
  'f32, f16, int8, uint4, fp8, kivi4, kivi2, kivi:key_bits=4,value_bits=2,group_size=64,residual_length=128,quantize_prefill=true, qrazor4:base_bits=16,group_size=32, kvquant or kvquant4, kvquant3, kvquant2';

const KIVI = { residualLength: 128, quantizePrefill: false } as const;
const QRAZOR_BASE = 16;
const LARGEST_GROUP = 65_536;

export type KvRead = { readonly setting: KvSetting } | { readonly problem: string; readonly option: string | null };

/** `text`: as `--kv-cache` has it. Spaces around parts are passed over. */
export function parseKvSpec(text: string): KvRead {
  const colon = text.indexOf(':');
  const name = (colon === -1 ? text : text.slice(0, colon)).trim();
  const options: Record<string, unknown> = {};
  const short = SHORT.exec(name);
  if (short !== null) options['bits'] = Number(short[2]);
  for (const part of colon === -1 ? [] : text.slice(colon + 1).split(',')) {
    const equals = part.indexOf('=');
    const key = part.slice(0, equals).trim();
    if (equals === -1 || key === '') return refused(null, `"${part.trim()}" of the KV cache "${text}" is not an option; options are written as group_size=64`);
    if (Object.hasOwn(options, key)) return refused(key, `${key} is said twice in the KV cache "${text}"`);
    options[key] = optionValue(part.slice(equals + 1).trim());
  }
  return readKvSetting(short?.[1] ?? name, options);
}

/** The shortest spelling that parseKvSpec reads as the same setting. */
export function printKvSpec(setting: KvSetting): string {
  switch (setting.method) {
    case 'kivi': {
      const { keyBits, valueBits, groupSize, residualLength, quantizePrefill } = setting;
      const same = keyBits === valueBits;
      return joined(same ? `kivi${keyBits}` : 'kivi', [
        ...(same ? [] : [`key_bits=${keyBits}`, `value_bits=${valueBits}`]),
        ...(groupSize === null ? [] : [`group_size=${groupSize}`]),
        ...(residualLength === KIVI.residualLength ? [] : [`residual_length=${residualLength}`]),
        ...(quantizePrefill ? ['quantize_prefill=true'] : []),
      ]);
    }
    case 'qrazor':
      return joined('qrazor4', [
        ...(setting.baseBits === QRAZOR_BASE ? [] : [`base_bits=${setting.baseBits}`]),
        ...(setting.groupSize === null ? [] : [`group_size=${setting.groupSize}`]),
      ]);
    case 'kvquant':
      return `kvquant${setting.bits ?? ''}`;
    default:
      return setting.method;
  }
}

/** As the key `kv_cache` of a config has it. */
export function kvSettingJson(setting: KvSetting): Readonly<Record<string, unknown>> {
  const group = 'groupSize' in setting && setting.groupSize !== null ? { group_size: setting.groupSize } : {};
  switch (setting.method) {
    case 'kivi':
      return {
        method: 'kivi',
        key_bits: setting.keyBits,
        value_bits: setting.valueBits,
        ...group,
        residual_length: setting.residualLength,
        quantize_prefill: setting.quantizePrefill,
      };
    case 'qrazor':
      return { method: 'qrazor', bits: 4, base_bits: setting.baseBits, ...group };
    case 'kvquant':
      return { method: 'kvquant', ...(setting.bits === null ? {} : { bits: setting.bits }) };
    default:
      return { method: setting.method };
  }
}

/** `options`: by the names of a config, values of any type; null counts as left out. */
export function readKvSetting(method: unknown, options: Readonly<Record<string, unknown>>): KvRead {
  const known = kvMethods.find((one) => one === method);
  if (known === undefined) return refused('method', `there is no KV cache "${String(method)}"; choose ${kvSpecWords}`);
  const allowed = new Map(Object.entries(OPTIONS[known]));
  const given = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
  for (const [key, value] of given) {
    const check = allowed.get(key);
    if (check === undefined) {
      const names = [...allowed.keys()];
      return refused(key, `the KV cache ${known} has no ${key}${names.length === 0 ? '' : `; it has ${names.join(', ')}`}`);
    }
    if (!check.fits(value)) return refused(key, `${key} of the KV cache ${known} is ${JSON.stringify(value)}; it must be ${check.words}`);
  }
  return settingOf(known, Object.fromEntries(given));
}

function settingOf(method: KvMethod, options: Readonly<Record<string, unknown>>): KvRead {
  const of = <T>(key: string, usual: T): T => (options[key] ?? usual) as T;
  switch (method) {
    case 'kivi': {
      const bits = of<2 | 4>('bits', 4);
      const groupSize = of<number | null>('group_size', null);
      const residualLength = of<number>('residual_length', KIVI.residualLength);
      if (groupSize !== null && residualLength % groupSize !== 0) {
        return refused('residual_length', `residual_length of the KV cache kivi is ${residualLength}; it must be a multiple of group_size ${groupSize}`);
      }
      const quantizePrefill = of<boolean>('quantize_prefill', KIVI.quantizePrefill);
      return { setting: { method, keyBits: of('key_bits', bits), valueBits: of('value_bits', bits), groupSize, residualLength, quantizePrefill } };
    }
    case 'qrazor':
      return { setting: { method, baseBits: of('base_bits', QRAZOR_BASE), groupSize: of('group_size', null) } };
    case 'kvquant':
      return { setting: { method, bits: of('bits', null) } };
    default:
      return { setting: { method } };
  }
}

interface Check {
  readonly words: string;
  fits(value: unknown): boolean;
}

const oneOf = (...values: readonly unknown[]): Check => ({ words: values.join(' or '), fits: (value) => values.includes(value) });
const integer = (least: number, most: number): Check => ({
  words: `an integer from ${least} to ${most}`,
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
});
/** The store packs 16 positions at a time. */
const sixteens: Check = {
  words: `a multiple of 16 up to ${LARGEST_GROUP}`,
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 16 && Number(value) <= LARGEST_GROUP && Number(value) % 16 === 0,
};
const OPTIONS: Readonly<Record<KvMethod, Readonly<Record<string, Check>>>> = {
  f32: {},
  f16: {},
  int8: { bits: oneOf(8) },
  uint4: { bits: oneOf(4) },
  fp8: { bits: oneOf(8) },
  kivi: {
    bits: oneOf(2, 4),
    key_bits: oneOf(2, 4),
    value_bits: oneOf(2, 4),
    group_size: sixteens,
    residual_length: sixteens,
    quantize_prefill: oneOf(true, false),
  },
  qrazor: { bits: oneOf(4), base_bits: oneOf(8, 16), group_size: sixteens },
  // What calibration is told is for quantize, which reads it from the same object of the config.
  kvquant: {
    bits: oneOf(2, 3, 4),
    sparsity: { words: 'a number above 0.5, up to 1', fits: (value) => typeof value === 'number' && value > 0.5 && value <= 1 },
    first_tokens: integer(0, LARGEST_GROUP),
    fisher: oneOf(true, false),
    codebook: oneOf('kmeans', 'int', 'nf'),
    q_norm: oneOf(true, false),
    calibration: { words: 'the name of the file of the calibration', fits: (value) => typeof value === 'string' },
  },
};

function optionValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function joined(name: string, options: readonly string[]): string {
  return options.length === 0 ? name : `${name}:${options.join(',')}`;
}

function refused(option: string | null, problem: string): KvRead {
  return { problem, option };
}
