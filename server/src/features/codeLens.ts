// Lines above a config: on which devices it runs, what it will take, and the commands for what one does next.
import { fileURLToPath } from 'node:url';
import type { ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import type { ConfigFormat } from '@quantwright/schemas/configs/config-format';
import { findFormat } from '@quantwright/schemas/configs/registry';
import { rangeAt } from '@quantwright/schemas/document/find';
import { findDevice } from '@quantwright/schemas/hardware/devices';
import { estimateMemory } from '@quantwright/schemas/hardware/memory';
import { findRuntime } from '@quantwright/schemas/hardware/runtimes/index';
import { explainSupport } from '@quantwright/schemas/hardware/support';
import type { RuntimeId, Target } from '@quantwright/schemas/hardware/target';
import type { SupportVerdict } from '@quantwright/schemas/hardware/verdict';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import type { CodeLens, Command, Range } from 'vscode-languageserver';
import type { Analysis } from '../document/analysis.ts';
import { toRange } from './diagnostics.ts';
import { targetWords } from './judgement.ts';

/** One device of each generation that quantized models are served on, oldest first. */
const usualDevices = ['nvidia-t4', 'nvidia-a100', 'nvidia-l40s', 'nvidia-h100', 'nvidia-b200'];
/** Our own engine and DashInfer's weight-only path also run on processors. */
const cpuDevice = 'x86-avx2';

/** `commands` false: the client has none of ours, so the lines only tell. */
export function codeLenses(analysis: Analysis, commands: boolean): CodeLens[] {
  const { document, result } = analysis;
  const format = result.format === null ? null : findFormat(result.format);
  const place = format?.match(analysis.input.fileName, result.tree);
  if (format === null || place === null || place === undefined) return [];
  const range = toRange(document, rangeAt(result.tree, place.path, 'key'));
  const showMatrix = (title: string): Command => ({ title, command: commands ? 'quantwright.showMatrix' : '', arguments: [document.uri] });
  const tells =
    result.recipe === null
      ? []
      : [
          lens(range, showMatrix(runsOn(result.recipe, analysis, format.impliedRuntime))),
          ...sizeWords(result.recipe, result.model, format.describes).map((title) => lens(range, { title, command: '' })),
        ];
  if (!commands) return tells;
  const path = localPath(document.uri);
  const quantize =
    format.describes === 'recipe' && path !== null
      ? [lens(range, { title: 'Quantize', command: 'quantwright.quantizeModel', arguments: [{ configPath: path }] })]
      : [];
  // What one can do comes first: what is told may be longer than the editor is wide.
  return [...quantize, lens(range, showMatrix('Check all targets')), ...tells];
}

function lens(range: Range, command: Command): CodeLens {
  return { range: { start: range.start, end: range.start }, command };
}

function runsOn(recipe: Recipe, { result, input }: Analysis, implied: RuntimeId | null): string {
  const chosen = input.targets.length > 0;
  const runtime = implied ?? usualRuntime(recipe);
  const targets: readonly Target[] = chosen ? input.targets : usualTargets(runtime);
  const broken = result.findings.some(({ severity, supportRule }) => severity === 'error' && supportRule === null);
  const words = targets.map((target) => {
    const [decisive] = explainSupport(recipe, result.model, target);
    const name = chosen ? targetWords(target) : shortDevice(target.device);
    return `${name} ${decisive === undefined ? 'not known' : answers[decisive.kind]}`;
  });
  const where = chosen ? '' : ` (${findRuntime(runtime)?.name ?? runtime})`;
  return broken ? `Has errors, so it runs nowhere yet${where}` : `Runs on${where}: ${words.join(', ')}`;
}

/** Contexts longer than this are rarely filled; the estimate names the one it is for. */
const usualContext = 8192;

/** "≈ 3.9 GB on disk, + 2.1 GB KV cache at 4096 tokens, peak 1.2 GB while quantizing"; nothing without the sizes of a model. */
function sizeWords(recipe: Recipe, model: ModelShape | null, describes: ConfigFormat['describes']): readonly string[] {
  if (model === null) return [];
  const contextLength = Math.min(usualContext, model.maxPositions > 0 ? model.maxPositions : usualContext);
  const { weightBytes, scaleBytes, kvBytes, quantizePeakBytes } = estimateMemory(recipe, model, { contextLength, batch: 1 });
  const total = weightBytes + scaleBytes;
  if (!(total > 0 && Number.isFinite(total + kvBytes))) return [];
  const peak = describes === 'recipe' && quantizePeakBytes > 0 ? [`peak ${sizeOf(quantizePeakBytes)} while quantizing`] : [];
  return [[`≈ ${sizeOf(total)} weights`, `${sizeOf(total + kvBytes)} with the KV cache of ${contextLength} tokens`, ...peak].join(', ')];
}

function sizeOf(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(bytes >= 1e8 ? 0 : 1)} MB`;
}

function usualRuntime({ scheme, format }: Recipe): RuntimeId {
  if (format === 'quantwright') return 'quantwright';
  return scheme === 'tensorrt-llm' || scheme === 'modelopt' ? 'tensorrt-llm' : 'vllm';
}

function usualTargets(runtime: RuntimeId): readonly Target[] {
  const devices = runtime === 'quantwright' || runtime === 'dashinfer' ? [cpuDevice, ...usualDevices] : usualDevices;
  const known = devices.filter((device) => findDevice(device) !== null && !(runtime === 'quantwright' && device !== cpuDevice));
  return known.map((device) => ({ runtime, version: null, device, tensorParallel: 1 }));
}

function shortDevice(device: string | null): string {
  const name = device === null ? 'any device' : (findDevice(device)?.name ?? device);
  return name.replace(/^NVIDIA (GeForce )?/, '');
}

const answers: Readonly<Record<SupportVerdict['kind'], string>> = {
  supported: 'ok',
  refused: 'no',
  falls_back: 'slower',
  dequantizes: 'dequantizes',
  ignored: 'ignored',
  unknown: 'not known',
};

function localPath(uri: string): string | null {
  if (!uri.startsWith('file:')) return null;
  try {
    return fileURLToPath(uri);
  } catch {
    return null;
  }
}
