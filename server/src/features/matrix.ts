// quantwright/matrix: every verdict over runtimes x devices for a document, or for the usual methods when it says nothing that can be judged.
import { compatibilityMatrix, methodName } from '@quantwright/schemas/hardware/matrix';
import { runtimes } from '@quantwright/schemas/hardware/runtimes/index';
import type { MatrixParams, MatrixResult } from '@quantwright/schemas/rpc/server';
import type { Analysis } from '../document/analysis.ts';

export function matrixFor(analysis: Analysis | null, params: MatrixParams): MatrixResult {
  const format = analysis?.result.format ?? null;
  const recipe = analysis?.result.recipe ?? null;
  const model = analysis?.result.model ?? null;
  const known = new Set<string>(runtimes.map(({ id }) => id));
  return {
    format,
    unread: format !== null && recipe === null,
    modelKnown: model !== null,
    matrix: compatibilityMatrix({
      recipe,
      ...(recipe === null ? {} : { recipeName: methodName(recipe) }),
      model,
      runtimes: params.runtimes.filter(({ id }) => known.has(id)),
      devices: params.devices,
      tensorParallel: Number.isInteger(params.tensorParallel) && params.tensorParallel >= 1 ? params.tensorParallel : 1,
    }),
  };
}
