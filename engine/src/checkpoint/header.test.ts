import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../errors.ts';
import { headerLength, parseHeader, type SafetensorsHeader } from './header.ts';
import { limits } from './limits.ts';

const file = 'model.safetensors';

/** A whole file: length, header, `dataBytes` zero bytes. */
function fileOf(header: string, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function parse(bytes: Uint8Array): SafetensorsHeader {
  const length = headerLength(bytes.subarray(0, 8), file, bytes.length);
  return parseHeader(bytes.subarray(8, 8 + length), file, bytes.length);
}

function refusal(header: string, dataBytes: number): EngineError {
  try {
    parse(fileOf(header, dataBytes));
  } catch (error) {
    assert.ok(error instanceof EngineError, `not an EngineError: ${String(error)}`);
    assert.equal(error.kind, 'checkpoint');
    assert.equal(error.file, file);
    assert.ok(error.message.includes(file), error.message);
    return error;
  }
  return assert.fail(`accepted ${header}`);
}

const two = '{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}';

test('a header gives every tensor its place in the file', () => {
  const header = parse(fileOf(two, 10));
  assert.deepEqual(header.tensors.get('b'), { name: 'b', dtype: 'BF16', shape: [], file, offset: 8 + two.length + 8, bytes: 2 });
});

test('padding after the JSON is accepted, as writers align their data with spaces', () => {
  assert.equal(parse(fileOf(`${two}   `, 10)).tensors.size, 2);
});

test('a truncated file is told where its data should end', () => {
  const error = refusal(two, 9);
  assert.equal(error.tensor, 'b');
  assert.match(error.message, /truncated/);
});

test('overlapping tensors are refused by name', () => {
  const error = refusal('{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}', 7);
  assert.equal(error.tensor, 'b');
  assert.match(error.message, /inside tensor "a"/);
});

test('a gap between tensors and bytes after the last are refused with their offset', () => {
  assert.match(
    refusal('{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[6,7]}}', 7).message,
    /2 bytes belong to no tensor/,
  );
  assert.match(refusal(two, 11).message, /1 bytes after offset/);
});

test('sizes that JSON can spell but a file cannot have are refused', () => {
  for (const size of ['-1', '0.5', '1e999', '9007199254740993', '"4"', 'null', 'true']) {
    assert.match(refusal(`{"a":{"dtype":"U8","shape":[${size}],"data_offsets":[0,4]}}`, 4).message, /"a".*is not an integer|"a".*needs/, size);
    assert.match(refusal(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,${size}]}}`, 4).message, /"a".*/, size);
  }
});

test('a product of dimensions that overflows is refused, not wrapped', () => {
  assert.match(refusal('{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}', 4).message, /needs/);
});

test('shape and type must give the bytes of the offsets', () => {
  assert.match(refusal('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', 8).message, /needs 12 bytes, but data_offsets \[0, 8\] give 8/);
});

test('an unknown element type is refused with the known ones', () => {
  assert.match(refusal('{"a":{"dtype":"Q4","shape":[4],"data_offsets":[0,4]}}', 4).message, /dtype "Q4" is unknown; known: .*BF16/);
});

test('a name that stands twice in the header is refused, though JSON parsers keep the last', () => {
  assert.match(
    refusal('{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}', 4).message,
    /"a" twice/,
  );
});

test('a header length over the limit is refused before memory is taken for it', () => {
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(limits.headerBytes) + 1n, true);
  assert.throws(() => headerLength(prefix, file, 2 ** 40), /more than the limit of 100000000/);
});

test('bytes that are not UTF-8, not JSON, or not an object are told apart', () => {
  const bytes = fileOf(two, 10);
  bytes[10] = 0xff;
  assert.throws(() => parse(bytes), /not valid UTF-8/);
  assert.match(refusal('{"a":', 0).message, /not valid JSON/);
  assert.match(refusal('["a"]', 0).message, /must begin with "\{"/);
  assert.match(refusal('\ufeff{}', 0).message, /must begin with/);
});

test('a value nested as deep as the file allows is refused like any other', () => {
  const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
  assert.equal(refusal(`{"a":{"dtype":"U8","shape":[${deep}],"data_offsets":[0,4]}}`, 4).tensor, 'a');
  assert.equal(refusal(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[${deep},4]}}`, 4).tensor, 'a');
  refusal(`{"__metadata__":${deep}}`, 0);
});

test('a name longer than the limit is refused and not repeated whole', () => {
  const error = refusal(`{"${'n'.repeat(5_000)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0);
  assert.match(error.message, /5000 characters/);
  assert.ok(error.message.length < 400);
});

test('2,000 mutated headers are each accepted whole or answered with an error that names the file', () => {
  const seed = Number(process.env['QUANTWRIGHT_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  let refused = 0;
  const base = fileOf(
    '{"__metadata__":{"format":"pt"},"model.a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"model.b":{"dtype":"I8","shape":[5],"data_offsets":[24,29]}}',
    29,
  );
  const words = ['-1', '0', '1e309', '99999999999999999999', 'null', '{', '}', '[', ']', '"', ',', '"F64"', '"__proto__"', '\\u0000', '\u00e9', 'true', ' '];
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), at: fc.nat(base.length - 1), value: fc.nat(255) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(base.length - 1), value: fc.nat(16) }),
    fc.record({ kind: fc.constant('word' as const), at: fc.nat(base.length - 1), value: fc.nat(words.length - 1) }),
    fc.record({ kind: fc.constant('end' as const), at: fc.nat(base.length - 1), value: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), fc.boolean(), (mutations, fixLength) => {
      let bytes = Array.from(base);
      for (const { kind, at, value } of mutations) {
        if (kind === 'byte') bytes[at] = value;
        else if (kind === 'cut') bytes.splice(at, value);
        else if (kind === 'word') bytes.splice(at, 1, ...new TextEncoder().encode(words[value]));
        else bytes = bytes.slice(0, at);
      }
      const mutated = Uint8Array.from(bytes);
      // Half of the cases keep an honest length, so that mutations reach the JSON and the tensors behind it.
      if (fixLength && mutated.length > 37) new DataView(mutated.buffer).setBigUint64(0, BigInt(mutated.length - 8 - 29), true);
      try {
        const header = parse(mutated);
        const covered = [...header.tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
        assert.ok(covered <= mutated.length);
      } catch (error) {
        assert.ok(error instanceof EngineError, `not an EngineError: ${String(error)}`);
        assert.equal(error.kind, 'checkpoint');
        assert.ok(error.message.startsWith(file), error.message);
        refused++;
      }
    }),
    { numRuns: 2_000, seed },
  );
  console.log(`2,000 mutated headers: ${refused} refused, seed ${seed} (QUANTWRIGHT_TEST_SEED repeats it)`);
  assert.ok(refused > 1_000, `only ${refused} were refused: the mutations do not reach the checks`);
});
