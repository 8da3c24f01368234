// Every rule, in the order of their codes. Adding one: its folder, and one line here.
import { activationDtype } from './activation-dtype/rule.ts';
import { bitsSym } from './bits-sym/rule.ts';
import { calibration } from './calibration/rule.ts';
import { dashinferDeadValues } from './dashinfer-dead-values/rule.ts';
import { deepspeed } from './deepspeed/rule.ts';
import { deprecated } from './deprecated/rule.ts';
import { descAct } from './desc-act/rule.ts';
import { exactCapability } from './exact-capability/rule.ts';
import { foreignKey } from './foreign-key/rule.ts';
import { fp8BlockTp } from './fp8-block-tp/rule.ts';
import { fp8Kv } from './fp8-kv/rule.ts';
import { gpuBelowMethod } from './gpu-below-method/rule.ts';
import { groupDividesK } from './group-divides-k/rule.ts';
import { groupNotInKernelSet } from './group-not-in-kernel-set/rule.ts';
import { headerMismatch } from './header-mismatch/rule.ts';
import { implicitDefault } from './implicit-default/rule.ts';
import { jsonSyntax } from './json-syntax/rule.ts';
import { memoryFit } from './memory-fit/rule.ts';
import { methodPlace } from './method-place/rule.ts';
import { moduleNames } from './module-names/rule.ts';
import { neuralCompressor } from './neural-compressor/rule.ts';
import { patternRule } from './pattern/rule.ts';
import type { Rule } from './rule.ts';
import { runtimeRefuses } from './runtime-refuses/rule.ts';
import { schemaCombination } from './schema-combination/rule.ts';
import { tiedLmHead } from './tied-lm-head/rule.ts';

export const rules: readonly Rule[] = [
  groupDividesK,
  gpuBelowMethod,
  moduleNames,
  methodPlace,
  bitsSym,
  groupNotInKernelSet,
  activationDtype,
  memoryFit,
  descAct,
  fp8BlockTp,
  fp8Kv,
  foreignKey,
  schemaCombination,
  jsonSyntax,
  dashinferDeadValues,
  exactCapability,
  runtimeRefuses,
  tiedLmHead,
  calibration,
  deprecated,
  deepspeed,
  neuralCompressor,
  implicitDefault,
  headerMismatch,
  patternRule,
];
