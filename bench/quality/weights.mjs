// Weight-only methods x bits x group sizes. Label -> config; configs with `calibration` are measured once for each text.
const groups = { 'per channel': -1, g128: 128, g32: 32 };
const quarters = { 4: 'uint4', 3: 'uint3', 2: 'uint2' };
const shapes = Object.entries(quarters).flatMap(([bits, weight_format]) =>
  Object.entries(groups).map(([name, group_size]) => ({ bits: Number(bits), name, weight_format, group_size })),
);
const calibrated = { save_format: 'quantwright', calibration: { samples: 64, sequence_length: 512 } };
const ours = { save_format: 'quantwright' };

export function weightJobs() {
  const list = {};
  const add = (label, config) => {
    list[label] = config;
  };
  for (const { bits, name, weight_format, group_size } of shapes) {
    const settings = { weight_format, group_size };
    const of = (method) => `${method} ${bits} bits ${name}`;
    add(of('rtn'), { quant_method: 'rtn', ...settings, ...ours });
    add(of('rtn mse_search'), { quant_method: 'rtn', mse_search: true, ...settings, ...ours });
    add(of('gptq'), { quant_method: 'gptq', desc_act: true, ...settings, ...calibrated });
    add(of('gptq in order'), { quant_method: 'gptq', ...settings, ...calibrated });
    add(of('awq'), { quant_method: 'awq', ...settings, ...calibrated });
    add(of('awq + gptq'), { quant_method: ['awq', 'gptq'], desc_act: true, ...settings, ...calibrated });
    add(of('smoothquant + gptq'), { quant_method: ['smoothquant', 'gptq'], desc_act: true, ...settings, ...calibrated });
    add(of('bcq'), { quant_method: 'bcq', ...settings, ...ours });
    if (group_size > 0 && bits > 2) add(of('teq 200 steps'), { quant_method: 'teq', teq: { steps: 200 }, ...settings, ...calibrated });
  }
  for (const group_size of [8, 16, 32, 64, 128]) {
    add(`qrazor 4 bits g${group_size}`, { quant_method: 'qrazor', weight_format: 'int4', group_size, ...ours });
    add(`gptq + qrazor 4 bits g${group_size}`, { quant_method: ['gptq', 'qrazor'], weight_format: 'int4', group_size, desc_act: true, ...calibrated });
  }
  for (const group_size of [32, 64, 128]) {
    for (const weight_format of ['nf4', 'fp4']) add(`rtn ${weight_format} g${group_size}`, { quant_method: 'rtn', weight_format, group_size, ...ours });
  }
  add('spqr 3.99 bits (3 bits g16)', { quant_method: 'spqr', weight_format: 'uint3', group_size: 16, target_bits: 3.99, ...calibrated });
  add('spqr 3.07 bits (2 bits g32)', { quant_method: 'spqr', weight_format: 'uint2', group_size: 32, target_bits: 3.07, ...calibrated });
  for (const target_bits of [4.5, 4, 3.5, 3]) add(`auto ${target_bits} bits`, { quant_method: 'auto', target_bits, desc_act: true, ...calibrated });
  return list;
}
