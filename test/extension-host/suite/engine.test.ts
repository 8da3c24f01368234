import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { QuantizeResult } from '@quantwright/schemas/rpc/engine';
import * as vscode from 'vscode';
import { poll } from '../../support/editor-poll.ts';
import { activated, type ExportedApi } from '../extension-under-test.ts';
import { projectRoot, workspacePath, write } from '../workspace.ts';

interface QuantizeOutcome {
  readonly result: QuantizeResult;
  readonly perplexities: { readonly before: number; readonly after: number } | null;
}

const config = { quant_method: 'instant_quant', weight_format: 'int8', group_size: 128, compute_method: 'weight_only' };
const modelDir = (): string => join(projectRoot(), 'models', 'quill-16m');

async function quantize(name: string): Promise<QuantizeOutcome | undefined> {
  const configPath = await write(`${name}/a.quant.json`, config);
  return vscode.commands.executeCommand('quantwright.quantizeModel', { modelDir: modelDir(), configPath, outDir: workspacePath(name, 'out') });
}

suite('engine', () => {
  let api: ExportedApi;
  suiteSetup(async () => {
    api = await activated();
  });

  test('quantizeModel with its three paths asks nothing and writes a model that says how it is quantized', async () => {
    const outcome = await quantize('quantize');
    assert.ok(outcome !== undefined, 'the command returns the outcome');
    const { result, perplexities } = outcome;
    assert.ok(perplexities !== null, 'perplexity is measured before and after');
    assert.ok(Math.abs(perplexities.after / perplexities.before - 1) < 0.05, `8 bits cost next to nothing: ${perplexities.before} -> ${perplexities.after}`);
    assert.ok(result.outputBytes < result.inputBytes, `${result.outputBytes} < ${result.inputBytes}`);
    assert.ok(result.bitsPerWeight > 8 && result.bitsPerWeight < 9, `8 bits and their scales: ${result.bitsPerWeight}`);

    const out = workspacePath('quantize', 'out');
    const written = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')) as { readonly quantization_config?: object };
    assert.ok(written.quantization_config !== undefined);
    assert.ok((await stat(join(out, 'model.safetensors'))).size > 10_000_000);
    assert.ok((await readdir(out)).includes('tokenizer.json'), 'the tokenizer comes with it');
    assert.deepEqual((await readdir(workspacePath('quantize'))).sort(), ['a.quant.json', 'out'], 'nothing else is left beside it');
  });

  test('convertModel with its three arguments asks nothing and writes the model in the other layout', async () => {
    const outDir = workspacePath('converted', 'out');
    const result: { readonly files: readonly string[] } | undefined = await vscode.commands.executeCommand('quantwright.convertModel', {
      modelPath: modelDir(),
      to: 'gguf',
      outDir,
    });
    assert.deepEqual(result?.files, ['quill-16m.gguf']);
    assert.ok((await stat(join(outDir, 'quill-16m.gguf'))).size > 30_000_000);
  });

  test('a config that the judge refuses is refused before anything is written', async () => {
    const configPath = await write('refused/a.quant.json', { ...config, weight_format: 'int5' });
    // The command tells the user by itself; for its caller there is no result.
    const result = await vscode.commands.executeCommand('quantwright.quantizeModel', {
      modelDir: modelDir(),
      configPath,
      outDir: workspacePath('refused', 'out'),
    });
    assert.equal(result, undefined);
    assert.equal(api.engineState(), 'running', 'it was the engine that refused');
    assert.deepEqual(await readdir(workspacePath('refused')), ['a.quant.json']);
  });

  test('a killed engine is started again and does the next job', async () => {
    const before = await poll('a running engine', () => api.engineProcessId());
    process.kill(before, 'SIGKILL');
    const after = await poll('another engine', () => {
      const pid = api.engineProcessId();
      return pid !== before && pid;
    });
    assert.notEqual(after, before);
    assert.equal(api.engineState(), 'running');
    assert.ok((await quantize('after-crash')) !== undefined);
  });

  test('Restart Engine replaces the process', async () => {
    const before = await poll('a running engine', () => api.engineProcessId());
    await vscode.commands.executeCommand('quantwright.restartEngine');
    const after = api.engineProcessId();
    assert.ok(after !== null && after !== before);
  });
});
