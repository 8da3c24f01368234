// Files as people published them, judged for the runtime they were made for: no error on a sound one, the fault of a broken one is named,
// and files of other tools with the same names stay silent. Prints a table per kind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfig } from '../check/check.ts';
import type { Finding } from '../check/finding.ts';
import type { CheckResult } from '../check/types.ts';
import type { RuntimeId, Target } from '../hardware/target.ts';
import { type CorpusFile, corpusFiles, corpusFolder } from '../testing/corpus.ts';

const skip = corpusFolder === null ? 'the corpus of published configs (../shared/corpus) is not here' : false;

interface Expectation {
  readonly formats: readonly string[];
  /** What such files are made for; null: a tool that is no runtime here. */
  readonly runtime: RuntimeId | null;
  readonly device?: string;
}

const KINDS: Readonly<Record<string, Expectation>> = {
  auto_round_fragment: { formats: ['hf-auto-round'], runtime: 'transformers' },
  awq_quant_config: { formats: ['awq-quant-config'], runtime: 'transformers' },
  bitsandbytes_fragment: { formats: ['hf-bitsandbytes'], runtime: 'transformers' },
  compressed_tensors_fragment: { formats: ['hf-compressed-tensors'], runtime: 'transformers' },
  dashinfer_model_config: { formats: ['dashinfer-model'], runtime: 'dashinfer' },
  deepspeed_compression: { formats: ['deepspeed'], runtime: null },
  gptq_quantize_config: { formats: ['gptq-quantize-config'], runtime: 'transformers' },
  hf_config_awq: { formats: ['hf-awq'], runtime: 'vllm' },
  hf_config_compressed_tensors: { formats: ['hf-compressed-tensors'], runtime: 'vllm' },
  hf_config_fp8: { formats: ['hf-fp8', 'hf-modelopt'], runtime: 'vllm', device: 'nvidia-h200' },
  hf_config_gptq: { formats: ['hf-gptq'], runtime: 'transformers' },
  hf_config_modelopt: { formats: ['hf-modelopt'], runtime: 'vllm', device: 'nvidia-b200' },
  hf_config_mxfp4: { formats: ['hf-mxfp4'], runtime: 'vllm', device: 'nvidia-h100' },
  hqq_fragment: { formats: ['hf-hqq'], runtime: 'transformers' },
  inc_fp8: { formats: ['inc-fp8'], runtime: 'neural-compressor' },
  mlc_chat_config: { formats: ['mlc'], runtime: null },
  modelopt_hf_quant_config: { formats: ['modelopt'], runtime: 'tensorrt-llm' },
  olive: { formats: ['olive'], runtime: null },
};

/** What must be said of a file that is broken. */
const FAULTS: Readonly<Record<string, { readonly code: string; readonly words: RegExp }>> = {
  'awq_quant_config/06.json': { code: 'QC014', words: /comma/ },
  'awq_quant_config/07.json': { code: 'QC014', words: /comma/ },
  'bitsandbytes_fragment/02.json': { code: 'QC007', words: /fp16/ },
  'deepspeed_compression/17.json': { code: 'QC014', words: /./ },
  'hf_config_awq/02.json': { code: 'QC004', words: /load_in_4bit/ },
  'hf_config_modelopt/01.json': { code: 'QC004', words: /quant_method/ },
};

/** Errors on files marked valid, each with the reason why it is right. Empty: there are none. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

function judge({ name, text }: CorpusFile, target: Target | null): CheckResult {
  return checkConfig({ fileName: name, text, modelConfigText: null, targets: target === null ? [] : [target] });
}

function targetOf({ runtime, device }: Expectation): Target | null {
  return runtime === null ? null : { runtime, version: null, device: device ?? null, tensorParallel: 1 };
}

const words = (findings: readonly Finding[]): readonly string[] => findings.map(({ code, severity, message }) => `${code} ${severity} ${message}`);

for (const [kind, expected] of Object.entries(KINDS)) {
  test(`${kind}: sound files have no error, broken ones have their fault named`, { skip }, (context) => {
    const files = corpusFiles().filter((file) => file.kind === kind);
    assert.ok(files.length > 0);
    const counts = { valid: 0, broken: 0, warnings: 0, hints: 0 };
    const wrong: unknown[] = [];
    for (const file of files) {
      const fault = FAULTS[file.file];
      const results = [judge(file, null), judge(file, targetOf(expected))];
      for (const { format } of results) {
        assert.ok(expected.formats.includes(format ?? 'none'), `${file.file}: recognised as ${format}`);
      }
      const findings = results.flatMap((result) => result.findings);
      const errors = findings.filter(({ severity }) => severity === 'error');
      if (fault === undefined) {
        counts.valid += 1;
        assert.doesNotMatch(file.note, /BROKEN/, file.file);
        if (errors.length > 0 && EXCEPTIONS[file.file] === undefined) {
          wrong.push({ file: file.file, errors: words(errors) });
        }
      } else {
        counts.broken += 1;
        const named = results.map((result) => result.findings.some((finding) => finding.code === fault.code && fault.words.test(finding.message)));
        if (named.includes(false)) {
          wrong.push({ file: file.file, expected: String(fault.words), findings: words(findings) });
        }
      }
      counts.warnings += results[1]?.findings.filter(({ severity }) => severity === 'warning').length ?? 0;
      counts.hints += results[1]?.findings.filter(({ severity }) => severity === 'hint' || severity === 'information').length ?? 0;
    }
    context.diagnostic(
      `${kind}, for ${expected.runtime ?? 'no runtime'}: ${counts.valid} valid without error, ${counts.broken} broken with their fault named, ${counts.warnings} warnings, ${counts.hints} hints`,
    );
    assert.deepEqual(wrong, []);
  });
}

test('files of other tools with the same names are silent', { skip }, () => {
  const others = corpusFiles().filter(({ kind }) => kind === 'negative_same_filename');
  assert.ok(others.length >= 5);
  for (const file of others) {
    const { format, findings } = judge(file, { runtime: 'vllm', version: null, device: 'nvidia-h100', tensorParallel: 1 });
    assert.deepEqual({ file: file.file, format, findings }, { file: file.file, format: null, findings: [] });
  }
});

test('every kind of the corpus is expected here', { skip }, () => {
  const kinds = new Set(corpusFiles().map(({ kind }) => kind));
  assert.deepEqual(
    [...kinds].filter((kind) => kind !== 'negative_same_filename' && !Object.hasOwn(KINDS, kind)),
    [],
  );
});
