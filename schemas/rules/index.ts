// Every rule, in the order of their codes. Adding one: its folder, and one line here.
import { bitsSym } from './bits-sym/rule.ts';
import { dashinferDeadValues } from './dashinfer-dead-values/rule.ts';
import { descAct } from './desc-act/rule.ts';
import { foreignKey } from './foreign-key/rule.ts';
import { gpuBelowMethod } from './gpu-below-method/rule.ts';
import { groupDividesK } from './group-divides-k/rule.ts';
import { groupNotInKernelSet } from './group-not-in-kernel-set/rule.ts';
import { implicitDefault } from './implicit-default/rule.ts';
import { jsonSyntax } from './json-syntax/rule.ts';
import { methodPlace } from './method-place/rule.ts';
import type { Rule } from './rule.ts';
import { runtimeRefuses } from './runtime-refuses/rule.ts';
import { schemaCombination } from './schema-combination/rule.ts';

export const rules: readonly Rule[] = [
  groupDividesK,
  gpuBelowMethod,
  methodPlace,
  bitsSym,
  groupNotInKernelSet,
  descAct,
  foreignKey,
  schemaCombination,
  jsonSyntax,
  dashinferDeadValues,
  runtimeRefuses,
  implicitDefault,
];
