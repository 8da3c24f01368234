// Every conversion there is, in the order in which an editor offers them.
import { autoRoundAsAwq, autoRoundAsGptq } from './auto-round.ts';
import { awqBlock, awqFile } from './awq.ts';
import { compressedTensorsBlock } from './compressed-tensors.ts';
import type { Converter } from './conversion.ts';
import { dashinferConfig } from './dashinfer.ts';
import { deepspeedConfig } from './deepspeed.ts';
import { gptqBlock, gptqFile } from './gptq.ts';
import { neuralCompressorConfig } from './neural-compressor.ts';
import { groupsToPreset, presetToGroups } from './presets.ts';
import { quantJson } from './quant-json.ts';

export const converters: readonly Converter[] = [
  gptqBlock,
  gptqFile,
  awqBlock,
  awqFile,
  compressedTensorsBlock,
  presetToGroups,
  groupsToPreset,
  autoRoundAsGptq,
  autoRoundAsAwq,
  dashinferConfig,
  deepspeedConfig,
  neuralCompressorConfig,
  quantJson,
];
