// Links in a config: web addresses, models and data sets of the Hugging Face hub, and files and directories that are there.

import { pathOf } from '@quantwright/schemas/document/find';
import type { ConfigNode } from '@quantwright/schemas/document/node';
import type { JsonPath } from '@quantwright/schemas/recipe/origin';
import type { DocumentLink } from 'vscode-languageserver';
import type { Analysis } from '../document/analysis.ts';
import { schemaAt } from '../schema/formatSchema.ts';
import { directoryOf } from '../workspace/modelConfig.ts';
import { toRange } from './diagnostics.ts';

/** Values looked at: links are few, and tables with a row for every expert hold none. */
const nodeLimit = 3000;
const hubId = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;
/** Keys whose values name a model, a data set, or a file, where the schema does not say it. */
const modelKeys = /^(_name_or_path|model|model_id|model_name|model_name_or_path|model_path|base_model|base_model_name_or_path|tokenizer|processor)$/;
const dataKeys = /^(dataset|datasets|dataset_id|dataset_name|calib_dataset|calib_data|calibration_dataset)$/;
const fileKeys = /(^|_)(path|file|dir|directory|folder)$/;

type Naming = 'model' | 'dataset' | 'file';

export async function documentLinks(analysis: Analysis, exists: (uri: string) => Promise<boolean>): Promise<DocumentLink[]> {
  const links = valuesOf(analysis.result.tree).map(async (node): Promise<DocumentLink[]> => {
    const target = await targetOf(analysis, node, exists);
    if (target === null) return [];
    const text = analysis.document.getText().slice(node.range.start, node.range.end);
    const quotes = /^(["']).*\1$/s.test(text) ? 1 : 0;
    return [{ range: toRange(analysis.document, { start: node.range.start + quotes, end: node.range.end - quotes }), ...target }];
  });
  return (await Promise.all(links)).flat();
}

function valuesOf(root: ConfigNode | null): readonly ConfigNode[] {
  const values: ConfigNode[] = [];
  const open: ConfigNode[] = root === null ? [] : [root];
  let seen = 0;
  for (let node = open.shift(); node !== undefined && seen < nodeLimit; node = open.shift()) {
    seen += 1;
    if (node.type === 'string') values.push(node);
    // Wide tables would take all the room: of those the first rows are enough.
    open.push(...node.children.slice(0, 256));
  }
  return values;
}

async function targetOf(
  analysis: Analysis,
  node: ConfigNode,
  exists: (uri: string) => Promise<boolean>,
): Promise<Pick<DocumentLink, 'target' | 'tooltip'> | null> {
  const value = String(node.value);
  if (/^https?:\/\/[^\s"]+$/.test(value)) return { target: value };
  const naming = namingOf(analysis, pathOf(node));
  if (naming === null || value === '' || value.length > 400) return null;
  const file = placeOf(analysis.document.uri, value);
  if (file !== null && (await exists(file))) {
    const model = naming === 'model' ? `${file.replace(/\/$/, '')}/config.json` : file;
    return { target: model !== file && (await exists(model)) ? model : file, tooltip: 'Open the file' };
  }
  if (naming === 'file' || !hubId.test(value)) return null;
  const kind = naming === 'dataset' ? 'datasets/' : '';
  return {
    target: `https://huggingface.co/${kind}${value}`,
    tooltip: naming === 'dataset' ? 'Data set on the Hugging Face hub' : 'Model on the Hugging Face hub',
  };
}

function namingOf(analysis: Analysis, path: JsonPath): Naming | null {
  const named = schemaAt(analysis, path)?.schemas.find((schema) => schema['x-names'] !== undefined)?.['x-names'];
  if (named === 'file' || named === 'directory') return named === 'file' ? 'file' : 'model';
  if (named === 'dataset') return 'dataset';
  const key = String(path.findLast((step) => typeof step === 'string') ?? '');
  return dataKeys.test(key) ? 'dataset' : modelKeys.test(key) ? 'model' : fileKeys.test(key) ? 'file' : null;
}

/** A path beside the document, or an absolute one; null where the document has no place. */
function placeOf(documentUri: string, value: string): string | null {
  if (!documentUri.startsWith('file:') || /^[a-z]+:/i.test(value)) return null;
  const escaped = value.split(/[/\\]/).map(encodeURIComponent).join('/');
  try {
    return value.startsWith('/') ? new URL(`file://${escaped}`).href : new URL(escaped, `${directoryOf(documentUri)}/`).href;
  } catch {
    return null;
  }
}
