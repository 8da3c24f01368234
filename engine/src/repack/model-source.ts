// A quantized (or dense) model directory as conversion sees it: every linear with what stores it, and every other tensor. Reads headers and parameters
// of one linear at a time; never weights before they are asked for.
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { NativeBinding } from '@quantwright/native/binding';
import { checkConfig } from '@quantwright/schemas/check/check';
import type { LinearShape, ModelShape } from '@quantwright/schemas/checkpoint/model-shape';
import { baseRecipe } from '@quantwright/schemas/recipe/base-recipe';
import type { Recipe } from '@quantwright/schemas/recipe/recipe';
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts';
import type { TensorInfo } from '../checkpoint/header.ts';
import { type JsonObject, parseJsonObject } from '../checkpoint/json-file.ts';
import { suffix } from '../checkpoint/layouts.ts';
import { type MappedCheckpoint, mapCheckpoint } from '../checkpoint/mapped.ts';
import { requireModelDirectory } from '../checkpoint/model-directory.ts';
import { readQuantization } from '../checkpoint/quantized/config.ts';
import { readLinear } from '../checkpoint/quantized/linear.ts';
import type { TensorPlan } from '../checkpoint/writer.ts';
import { EngineError, fileError } from '../errors.ts';
import { parseModelConfig } from '../model/config.ts';
import { copyTensors } from '../pipeline/copy.ts';
import { copyModelFiles, writeModelConfig } from '../pipeline/model-files.ts';
import type { ModelSink } from '../pipeline/sink.ts';
import { type StoredMatrix, storedMatrix } from './stored-matrix.ts';

/** A linear whose weights are codes. */
export interface QuantizedModule {
  readonly module: string;
  readonly kind: LinearShape['kind'];
  readonly block: number;
  readonly rows: number;
  readonly cols: number;
  readonly lmHead: boolean;
  /** Null: no affine codes; `form` says what they are. */
  read(): Promise<StoredMatrix | null>;
  /** Lets the pages of its tensors go. */
  release(): void;
  /** Bytes of its tensors, but for the bias. */
  readonly bytes: number;
}

export interface ModelSource {
  readonly path: string;
  /** config.json without its quantization. */
  readonly config: JsonObject;
  readonly model: ModelShape;
  /** How the source was made, as far as its config tells. */
  readonly recipe: Recipe;
  /** As config.json names it; null: dense. */
  readonly layout: string | null;
  readonly modules: readonly QuantizedModule[];
  /** Linears in floating point. */
  readonly left: readonly string[];
  /** Tensors that are no codes, scales or zeros of `modules`. */
  readonly others: readonly TensorPlan[];
  readonly fileBytes: number;
  /** Writes `others` as they are. Returns warnings. */
  copyOthers(sink: Pick<ModelSink, 'write' | 'claim'>, signal: AbortSignal | undefined): Promise<readonly string[]>;
  /** Everything of a model that is no weight, config.json with the quantization given. */
  writeFiles(directory: string, quantization: JsonObject): Promise<void>;
  close(): void;
}

/** A model of config.json and safetensors files. */
export interface DirectorySource extends ModelSource {
  /** Of the model, for files that are named after it. */
  readonly name: string;
  readonly others: readonly TensorInfo[];
  readonly mapped: MappedCheckpoint;
}

/** Throws kind `input`, `io` or `checkpoint`, naming file and tensor. */
export async function openModelSource(directory: string, binding: NativeBinding): Promise<DirectorySource> {
  await requireModelDirectory(directory);
  const file = join(directory, 'config.json');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw fileError('read', file, cause);
  });
  const json = parseJsonObject(text, file);
  const { shape: model } = parseModelConfig(json, file);
  const quantization = await readQuantization(directory, json);
  const checkpoint = await openCheckpoint(directory);
  const mapped = mapCheckpoint(checkpoint, binding);
  const places = linearPlaces(model);
  const owned = new Set<string>();
  const modules: QuantizedModule[] = [];
  const left: string[] = [];
  for (const place of places) {
    const names = codeTensors(checkpoint, place.module);
    if (names.length === 0) {
      left.push(place.module);
      continue;
    }
    for (const name of names) owned.add(name);
    modules.push({
      ...place,
      bytes: names.reduce((sum, name) => sum + checkpoint.info(name).bytes, 0),
      read: async () => storedMatrix(binding, (await readLinear(mapped, place, quantization, binding)).spec),
      release: () => {
        for (const name of names) mapped.release(name);
      },
    });
  }
  const others = checkpoint.names.filter((name) => !owned.has(name)).map((name) => checkpoint.info(name));
  refuseForeignCodes(others, directory);
  const { quantization_config: _, compression_config: __, ...config } = json;
  return {
    path: directory,
    name: basename(resolve(directory)),
    config,
    model,
    recipe: madeBy(text, modules.length),
    layout: quantization?.layout ?? null,
    modules,
    left,
    others,
    mapped,
    fileBytes: checkpoint.fileBytes,
    copyOthers: (sink, signal) => copyTensors(binding, mapped, others, sink, signal),
    writeFiles: async (to, quantization) => {
      await copyModelFiles(directory, to);
      await writeModelConfig(directory, to, quantization);
    },
    close: () => mapped.close(),
  };
}

/** Every linear of the model: those of the blocks in their order, then the output matrix where it is one of its own. */
export function linearPlaces(model: ModelShape): readonly Omit<QuantizedModule, 'read' | 'release' | 'bytes'>[] {
  const place = ({ kind, module, in: cols, out: rows }: LinearShape, block: number) => ({
    module: module.replace('{i}', String(block)),
    kind,
    block,
    rows,
    cols,
    lmHead: kind === 'lm_head',
  });
  const inBlocks = Array.from({ length: model.layers }, (_, block) =>
    model.linears.filter((linear) => linear.kind !== 'lm_head' && block >= linear.firstLayer && block < linear.endLayer).map((linear) => place(linear, block)),
  );
  return [...inBlocks.flat(), ...model.linears.filter(({ kind }) => kind === 'lm_head').map((linear) => place(linear, model.layers))];
}

const dense = ['F32', 'F16', 'BF16', 'F64'];

/** Tensors of a module but for its bias; none where its weight is dense. */
function codeTensors(checkpoint: Checkpoint, module: string): readonly string[] {
  const weight = checkpoint.find(`${module}.${suffix.weight}`);
  if (weight !== undefined && dense.includes(weight.dtype)) return [];
  return checkpoint.names.filter((name) => name.startsWith(`${module}.`) && name !== `${module}.${suffix.bias}`);
}

/** Codes of a module that config.json does not promise would be copied in the old layout beside the new one. */
function refuseForeignCodes(others: readonly TensorInfo[], path: string): void {
  const codes = others.find(({ name }) => /\.(qweight|weight_packed|W_q|qzeros|weight_scale)$/.test(name));
  if (codes === undefined) return;
  throw new EngineError('checkpoint', `${path}: ${codes.name} belongs to no linear that config.json describes, so it cannot be converted`, {
    file: path,
    tensor: codes.name,
  });
}

/** The recipe that the config stands for, for what its layout's config repeats of it (methods, damping). */
function madeBy(text: string, modules: number): Recipe {
  const { recipe } = modules === 0 ? { recipe: null } : checkConfig({ fileName: 'config.json', text, modelConfigText: null, targets: [] });
  return recipe ?? baseRecipe('convert', 'convert', [], {});
}
