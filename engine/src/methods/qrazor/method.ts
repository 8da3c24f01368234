// QRazor, alone and inside GPTQ: keeps the significant bits of every group of integers. Formulas and sources: README.md in this folder.
import type { DenseSource, HessianFactor, NativeBinding, QrazorWeightSpec } from '@quantwright/native/binding';
import { formOf, qrazorActivations, qrazorKind, shiftBits, shiftShape } from '../../kinds/qrazor/kind.ts';
import type { CodedMatrix, Method, ModuleScheme } from '../method.ts';

export const qrazor: Method<CodedMatrix> = {
  id: 'qrazor',
  needs: { observe: [] },
  defaultDialect: 'qllm',
  kind: () => 'qrazor',
  quantizeModule: (binding, source, scheme) => razor(binding, source, scheme),
};

/** `["gptq", "qrazor"]`: the quantizer that GPTQ makes up for is QRazor's. */
export const gptqQrazor: Method<CodedMatrix> = {
  id: 'qrazor',
  needs: { observe: ['hessian'] },
  defaultDialect: 'qllm',
  kind: () => 'qrazor',
  async quantizeModule(binding, source, scheme, inputs) {
    if (inputs === undefined) throw new Error('gptq needs the inputs of the matrix');
    return razor(binding, source, scheme, await inputs.factor(scheme.weights.descAct));
  },
};

async function razor(binding: NativeBinding, source: DenseSource, scheme: ModuleScheme, factor?: HessianFactor): Promise<CodedMatrix> {
  const { rows, cols } = source;
  const form = formOf({ scheme });
  const options = scheme.recipe?.qrazor;
  const { codes, shifts, scale, sqnrDb, mse, notFinite } = await binding.quantizeQrazor(
    source,
    { ...form, rule: options?.rule ?? 'qllm', compAware: options?.compAware ?? false },
    factor,
  );
  const [lines, count] = shiftShape(form, rows, cols);
  const offset = 1 << (form.bits - 1);
  const bytes = [
    await binding.packRows(
      Uint8Array.from(codes, (code) => code + offset),
      rows,
      cols,
      form.bits,
    ),
    await binding.packRows(shifts, lines, count, shiftBits(form)),
    new Uint8Array(scale.buffer, scale.byteOffset, scale.byteLength),
  ];
  const plan = { module: '', block: 0, rows, cols, scheme, activations: null };
  const activations = scheme.activations === undefined ? (scheme.recipe?.activations ?? null) : scheme.activations;
  const spec: QrazorWeightSpec = {
    ...{ codec: 'qrazor', rows, cols, ...form, codes, shifts, scale },
    ...(activations === null ? {} : { activations: qrazorActivations(activations, options?.rule ?? 'qllm') }),
  };
  return {
    kind: 'qrazor',
    rows,
    cols,
    tensors: qrazorKind.tensors(plan).map((tensor, index) => ({ ...tensor, data: bytes[index] ?? new Uint8Array() })),
    spec,
    sqnrDb,
    mse,
    notFinite,
  };
}
