import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type KvSetting, kvSettingJson, parseKvSpec, printKvSpec, readKvSetting } from './setting.ts';

const groupSize = fc.option(fc.constantFrom(16, 32, 64, 96));
const setting: fc.Arbitrary<KvSetting> = fc.oneof(
  fc.record({ method: fc.constantFrom('f32' as const, 'f16' as const, 'int8' as const, 'uint4' as const, 'fp8' as const) }),
  fc
    .record({
      keyBits: fc.constantFrom(2 as const, 4 as const),
      valueBits: fc.constantFrom(2 as const, 4 as const),
      groupSize,
      groups: fc.integer({ min: 1, max: 8 }),
      quantizePrefill: fc.boolean(),
    })
    .map(({ groups, ...rest }) => ({ method: 'kivi' as const, residualLength: groups * (rest.groupSize ?? 32), ...rest })),
  fc.record({ method: fc.constant('qrazor' as const), baseBits: fc.constantFrom(8 as const, 16 as const), groupSize }),
  fc.record({ method: fc.constant('kvquant' as const), bits: fc.option(fc.constantFrom(2 as const, 3 as const, 4 as const)) }),
);

const problem = (text: string): string => {
  const read = parseKvSpec(text);
  return 'problem' in read ? read.problem : `read as ${JSON.stringify(read.setting)}`;
};

test('what is printed is read as the same setting, from a command line and from a config', () => {
  fc.assert(
    fc.property(setting, (drawn) => {
      const one = { ...drawn };
      assert.deepEqual(parseKvSpec(printKvSpec(one)), { setting: one });
      const { method, ...options } = kvSettingJson(one);
      assert.deepEqual(readKvSetting(method, options), { setting: one });
    }),
  );
});

test('the spellings of the documentation', () => {
  assert.deepEqual(parseKvSpec('kivi:key_bits=4,value_bits=2,group_size=64,residual_length=128,quantize_prefill=true'), {
    setting: { method: 'kivi', keyBits: 4, valueBits: 2, groupSize: 64, residualLength: 128, quantizePrefill: true },
  });
  assert.deepEqual(parseKvSpec('kivi2'), {
    setting: { method: 'kivi', keyBits: 2, valueBits: 2, groupSize: null, residualLength: 128, quantizePrefill: false },
  });
  assert.deepEqual(parseKvSpec(' qrazor4 : group_size = 16 '), { setting: { method: 'qrazor', baseBits: 16, groupSize: 16 } });
  assert.deepEqual(parseKvSpec('kvquant3'), { setting: { method: 'kvquant', bits: 3 } });
});

test('what cannot be meant is refused with what is allowed', () => {
  assert.match(problem('kivy4'), /there is no KV cache "kivy4"; choose f32, f16, int8/);
  assert.match(problem('kivi3'), /bits of the KV cache kivi is 3; it must be 2 or 4/);
  assert.match(problem('kivi4:group_size=48'), /residual_length of the KV cache kivi is 128; it must be a multiple of group_size 48/);
  assert.match(problem('kivi4:group_size=0'), /it must be a multiple of 16 up to 65536/);
  assert.match(problem('int8:group_size=32'), /the KV cache int8 has no group_size; it has bits/);
  assert.match(problem('f16:x=1'), /the KV cache f16 has no x/);
  assert.match(problem('kivi4:fast'), /"fast" of the KV cache "kivi4:fast" is not an option/);
  assert.match(problem('kivi4:bits=2'), /bits is said twice/);
  assert.match(problem('qrazor8'), /bits of the KV cache qrazor is 8; it must be 4/);
  assert.match(problem('constructor'), /there is no KV cache/);
  assert.match(problem('kivi:constructor=1'), /the KV cache kivi has no constructor/);
});

test('any text is read or refused in words', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `kivi4:${text}`),
      ),
      (text) => {
        const read = parseKvSpec(text);
        assert.ok('setting' in read || read.problem.length > 0);
      },
    ),
  );
});
