// Test material: the JSON examples of every config format (schemas/configs/<format>/examples), valid and invalid, as far as they parse.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { formats } from '../configs/registry.ts';
import { parseJson } from '../document/json.ts';
import { projectRoot, read } from './places.ts';

export interface ExampleConfig {
  readonly format: string;
  readonly fileName: string;
  readonly value: unknown;
}

export const exampleConfigs: readonly ExampleConfig[] = formats.flatMap(({ id }) =>
  ['valid', 'invalid'].flatMap((kind) => {
    const folder = `schemas/configs/${id}/examples/${kind}`;
    return (existsSync(join(projectRoot, folder)) ? readdirSync(join(projectRoot, folder)) : [])
      .filter((name) => name.endsWith('.json'))
      .map((name) => ({ format: id, fileName: name, value: parseJson(read(join(folder, name))).root?.value }));
  }),
);
