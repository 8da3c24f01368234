// --severity CODE=LEVEL: how loud a diagnostic is, in this run. It wins over the side file.
import { codeProblem, isSeverity } from '@quantwright/schemas/check/side-file';
import type { SeveritySettings } from '@quantwright/schemas/check/types';
import { InvalidArgumentError } from 'commander';

export function severityOption(text: string, before: SeveritySettings): SeveritySettings {
  const [, code = '', level = ''] = /^\s*(\w+)\s*=\s*(\w+)\s*$/.exec(text) ?? [];
  if (code === '') throw new InvalidArgumentError('It must be a code and a level, such as QC012=off.');
  const problem = codeProblem(code);
  if (problem !== null) throw new InvalidArgumentError(`${problem}.`);
  if (!isSeverity(level)) throw new InvalidArgumentError(`"${level}" is no level; there are error, warning, information, hint and off.`);
  return { ...before, [code]: level };
}
