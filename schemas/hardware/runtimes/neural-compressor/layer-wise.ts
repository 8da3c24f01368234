// Which algorithms Neural Compressor quantizes layer by layer, with an empty model shell (config-formats section 8.2). The recipe has no field for
// it: the format tells what the config asks, and this table answers.

export type LayerWiseAnswer = 'yes' | 'no' | 'unknown';

const TABLE: Readonly<Record<'pytorch' | 'onnxruntime', Readonly<Record<string, LayerWiseAnswer>>>> = {
  pytorch: { W8A8: 'yes', RTN: 'yes', GPTQ: 'yes', AWQ: 'no', TEQ: 'no' },
  onnxruntime: { W8A8: 'yes', RTN: 'no' },
};

/** `algorithm`: RTN, GPTQ, AWQ, TEQ, or W8A8 for integers in both operands; in any case. */
export function layerWise(framework: 'pytorch' | 'onnxruntime', algorithm: string): LayerWiseAnswer {
  return TABLE[framework][algorithm.toUpperCase()] ?? 'unknown';
}
