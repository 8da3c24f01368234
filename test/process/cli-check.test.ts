// `check` as people call it: several targets, this machine, globs, standard input, links, sizes, severities, the side file, and the matrix.
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CommandResult, projectRoot, runCli } from '../support/engine-process.ts';
import { configs, createWorkspace } from '../support/engine-workspace.ts';

const gptq = { quant_method: 'gptq', bits: 4, group_size: 128, sym: true, desc_act: false, damp_percent: 0.01 };
const misspelt = { ...configs.a16w8, colour: 'red' };

const codes = ({ stdout }: CommandResult): readonly string[] =>
  JSON.parse(stdout).files.flatMap((file: { findings: readonly { code: string; severity: string }[] }) =>
    file.findings.map(({ code, severity }) => `${code} ${severity}`),
  );

test('findings come for every runtime on every device, sorted by place, with a clean exit where nothing is refused', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('a.quant.json', { ...configs.a8w8, group_size: 128 });
  const both = await runCli(['check', config, '--runtime', 'dashinfer', '--device', 'v100', '--device', 'h100', '--format', 'json']);
  assert.equal(both.code, 1);
  const [file] = JSON.parse(both.stdout).files;
  const targets = new Set(file.verdicts.map((verdict: { target: { device: string } }) => verdict.target.device));
  assert.deepEqual([...targets].sort(), ['nvidia-h100', 'nvidia-v100']);
  const places = file.findings.map((finding: { range: { start: number } }) => finding.range.start);
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  const text = await runCli(['check', workspace.write('b.quant.json', configs.a16w8), '--runtime', 'dashinfer', '--runtime', 'quantwright']);
  assert.equal(text.code, 0, text.stdout);
  assert.match(text.stdout, /b\.quant\.json: dashinfer runs it with .*\n.*b\.quant\.json: quantwright runs it with /);
});

test('a finding in text has its place, code, fix and source', async (t) => {
  const workspace = createWorkspace(t);
  writeFileSync(workspace.path('a.quant.json'), '{\n  "quant_method": "instant_quant",\n  "weight_format": "int8",\n  "group_size": 32\n}\n');
  const { stdout, code } = await runCli(['check', 'a.quant.json', '--runtime', 'dashinfer'], { cwd: workspace.root });
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^a\.quant\.json:4:\d+: error QC\d{3}: DashInfer: .*\n {4}fix: Use group_size \d+\n {4}source: modelscope\/dash-infer .*\n1 config checked: 1 error, 0 warnings\n$/,
  );
});

test('the device of this machine', async (t) => {
  const config = createWorkspace(t).write('a.quant.json', configs.a16w8);
  const doctor = JSON.parse((await runCli(['doctor', '--json'])).stdout);
  const { stdout } = await runCli(['check', config, '--runtime', 'quantwright', '--device', 'this', '--format', 'json']);
  assert.equal(JSON.parse(stdout).files[0].verdicts[0].target.device, doctor.device);
});

test('versions: rules of a version speak for it, a range for all in it, a wrong one is told', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('config.json', { quantization_config: { ...gptq, bits: 8, group_size: 128 } });
  const known = await runCli(['check', config, '--runtime', 'dashinfer@>=2.0 <2.1', '--device', 'v100', '--format', 'json']);
  assert.equal(known.code, 1);
  assert.equal(JSON.parse(known.stdout).files[0].verdicts[0].target.version, '2.0');
  const old = await runCli(['check', config, '--runtime', 'dashinfer@1.3', '--device', 'v100']);
  assert.deepEqual([old.code, /no support rows for version 1\.3/.test(old.stdout)], [0, true], old.stdout);
  const wrong = await runCli(['check', config, '--runtime', 'dashinfer@new']);
  assert.deepEqual([wrong.code, /"new" is no version or range/.test(wrong.stderr)], [2, true]);
});

test('globs, directories and links find configs by what they hold; node_modules and .git are left out; a file counts once', async (t) => {
  const workspace = createWorkspace(t);
  workspace.write('models/a/quantize_config.json', gptq);
  workspace.write('models/b/config.json', { model_type: 'llama' });
  workspace.write('models/node_modules/x/quantize_config.json', gptq);
  workspace.write('models/.git/quantize_config.json', gptq);
  workspace.write('models/c/a.quant.json', configs.a16w8);
  workspace.write('models/.cache-like', 'no json');
  symlinkSync(workspace.path('models/a/quantize_config.json'), workspace.path('models/c/quantize_config.json'));
  symlinkSync(workspace.path('models'), workspace.path('models/c/around'));
  const paths = async (...args: readonly string[]): Promise<readonly string[]> => {
    const { stdout, stderr, code } = await runCli(['check', ...args, '--format', 'json'], { cwd: workspace.root });
    assert.equal(code, 0, stderr + stdout);
    return JSON.parse(stdout).files.map((file: { path: string }) => file.path.replaceAll('\\', '/'));
  };
  assert.deepEqual(await paths('models'), ['models/a/quantize_config.json', 'models/c/a.quant.json', 'models/c/quantize_config.json']);
  assert.deepEqual(await paths('models/**/*.quant.json'), ['models/c/a.quant.json']);
  assert.deepEqual(await paths('**/quantize_config.json', 'models/a/quantize_config.json'), ['models/a/quantize_config.json', 'models/c/quantize_config.json']);
  const none = await runCli(['check', '*.toml'], { cwd: workspace.root });
  assert.deepEqual([none.code, none.stderr], [2, 'error: no file matches *.toml\n']);
});

test('a file that is too large is told, and the others are checked', async (t) => {
  const workspace = createWorkspace(t);
  workspace.write('big.json', `{"x": "${'y'.repeat(16_100_000)}"}`);
  workspace.write('a.quant.json', configs.a16w8);
  const { code, stdout, stderr } = await runCli(['check', workspace.root]);
  assert.equal(code, 0);
  assert.match(stderr, /^note: .*big\.json: more than 16000000 bytes, not looked at\n$/);
  assert.match(stdout, /1 config checked/);
});

test('standard input has a name, and the neighbours of that name', async (t) => {
  const workspace = createWorkspace(t);
  workspace.write('model/config.json', {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: 1024,
    intermediate_size: 1000,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    vocab_size: 10,
  });
  const name = join('model', 'quantize_config.json');
  const input = JSON.stringify(gptq);
  const { code, stdout } = await runCli(['check', '-', '--stdin-name', name, '--runtime', 'dashinfer'], { cwd: workspace.root, input });
  assert.equal(code, 1);
  assert.match(stdout, /quantize_config\.json:1:\d+: error QC001: .*1000/);
  const other = await runCli(['check', '-'], { input: '{"hello": 1}' });
  assert.deepEqual([other.code, /no quantization config in -/.test(other.stderr)], [2, true]);
});

test('names that match no tensor are told from the headers beside the config, or in the model that was named', async (t) => {
  const workspace = createWorkspace(t);
  const model = workspace.copyModel('model');
  const config = { quant_method: 'rtn', weight_format: 'int4', group_size: 32, ignore: ['visual_tower'] };
  const beside = workspace.write('model/a.quant.json', config);
  const alone = workspace.write('a.quant.json', config);
  const told = async (...args: readonly string[]): Promise<boolean> =>
    codes(await runCli(['check', ...args, '--format', 'json'])).some((one) => one.startsWith('QC003'));
  assert.deepEqual([await told(beside), await told(alone, '--model', model), await told(alone)], [true, true, false]);
});

test('hooks name files that are no configs: --allow-none passes them over', async (t) => {
  const file = createWorkspace(t).write('package.json', { name: 'x' });
  assert.equal((await runCli(['check', file])).code, 2);
  const allowed = await runCli(['check', file, '--allow-none']);
  assert.deepEqual([allowed.code, allowed.stdout, allowed.stderr], [0, '0 configs checked: 0 errors, 0 warnings\n', '']);
});

test('severities: from the option, from the side file, the option first', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('models/a.quant.json', misspelt);
  const check = (...args: readonly string[]): Promise<CommandResult> => runCli(['check', config, '--format', 'json', ...args]);
  assert.deepEqual(codes(await check()), ['QC012 warning']);
  const loud = await check('--severity', 'QC012=error');
  assert.deepEqual([loud.code, codes(loud)], [1, ['QC012 error']]);
  assert.deepEqual(codes(await check('--severity', 'QC012=off')), []);
  workspace.write('.quantwright/check.json', '{"severity": {"QC012": "hint"}, // quiet\n}');
  assert.deepEqual(codes(await check()), ['QC012 hint']);
  assert.deepEqual(codes(await check('--severity', 'QC012=error')), ['QC012 error']);
  assert.deepEqual(codes(await check('--no-side-file')), ['QC012 warning']);
  const wrong = await check('--severity', 'QC012=loud');
  assert.deepEqual([wrong.code, /"loud" is no level/.test(wrong.stderr)], [2, true]);
});

test('suppressions: the nearest side file, by file, code and place; their number is told and slips are noted', async (t) => {
  const workspace = createWorkspace(t);
  workspace.write('.quantwright/check.json', {
    suppress: [
      { file: 'models/old/**', code: 'QC012', path: 'colour' },
      { file: 'x', cod: 'QC001' },
    ],
  });
  const old = workspace.write('models/old/a.quant.json', misspelt);
  const fresh = workspace.write('models/new/a.quant.json', misspelt);
  const quiet = await runCli(['check', old]);
  assert.match(quiet.stdout, /0 errors, 0 warnings, 1 suppressed/);
  assert.match(quiet.stderr, /^note: .*check\.json: suppress\[1\] has the unknown key "cod"; did you mean "code"\?, so it does nothing\n$/);
  assert.match((await runCli(['check', fresh])).stdout, /warning QC012/);
  workspace.write('models/new/.quantwright/check.json', { suppress: [{ file: '*.quant.json' }] });
  assert.match((await runCli(['check', fresh])).stdout, /0 warnings, 1 suppressed/);
});

test('the matrix of a config, and of the usual methods', async (t) => {
  const workspace = createWorkspace(t);
  const config = workspace.write('config.json', { quantization_config: gptq });
  const text = await runCli(['check', config, '--matrix', '--device', 'h100', '--device', 'x86-amx', '--runtime', 'transformers', '--runtime', 'dashinfer']);
  assert.match(text.stdout, /^runtime {2,}H100 .*\nTransformers {2,}yes +yes\nDashInfer {2,}yes +NO \[1\]\n\(yes: runs/m);
  const document = JSON.parse((await runCli(['check', config, '--matrix', '--format', 'json'])).stdout);
  const { rows, columns, cells } = document.files[0].matrix;
  assert.ok(rows.length >= 8 && columns.length === 9 && cells.length === rows.length);
  const methods = await runCli(['check', '--matrix', '--runtime', 'tensorrt-llm', '--device', 'b200']);
  assert.deepEqual([methods.code, /^NVFP4 \(ModelOpt\) +TensorRT-LLM +yes$/m.test(methods.stdout)], [0, true], methods.stdout);
  assert.ok(JSON.parse((await runCli(['check', '--matrix', '--format', 'json'])).stdout).matrix.rows.length > 50);
  const wrong = await runCli(['check', config, '--matrix', '--format', 'sarif']);
  assert.deepEqual([wrong.code, wrong.stderr], [2, 'error: --matrix is printed as text or json, not as sarif\n']);
});

test('the examples for CI name options that exist, and the hook runs', async () => {
  const hook = readFileSync(join(projectRoot, '.pre-commit-hooks.yaml'), 'utf8');
  const args = /entry: quantwright (.*)/.exec(hook)?.[1]?.split(' ') ?? [];
  const { code, stdout } = await runCli([...args, 'package.json', 'examples/a8w8.quant.json']);
  assert.deepEqual([code, /1 config checked: 0 errors/.test(stdout)], [0, true], stdout);
});
