// Words of the evaluation lab's measurements: progress and result. Pure.
import type { AnalysisProgress, TasksProgress } from '@quantwright/schemas/rpc/engine';
import type { DistanceResult, Metric, StatsResult, TasksResult } from '@quantwright/schemas/runs/results';

export interface Step {
  readonly message: string;
  /** 0 to 100. */
  readonly percent: number;
}

export function tasksStep({ task, taskAt, tasks, itemsDone, items, metric, value }: TasksProgress): Step {
  const done = items === 0 ? 0 : itemsDone / items;
  return {
    message: `${task} (${taskAt + 1}/${tasks}), item ${itemsDone}/${items}, ${metric} so far ${valueWords(metric, value)}`,
    percent: (100 * (taskAt + done)) / tasks,
  };
}

export function tasksWords(model: string, { tasks }: TasksResult): string {
  const found = tasks.map(({ task, metrics: [first] }) =>
    first === undefined
      ? task
      : `${task} ${first.name} ${valueWords(first.name, first.value)} (${valueWords(first.name, first.low)} to ${valueWords(first.name, first.high)})`,
  );
  return `${model}: ${found.join(', ')}.`;
}

export function analysisStep({ block, blocks, sequencesDone, sequences }: AnalysisProgress): Step {
  const done = sequences === 0 ? 0 : sequencesDone / sequences;
  return { message: `block ${block + 1}/${blocks}, sequence ${sequencesDone}/${sequences}`, percent: (100 * (block + done)) / blocks };
}

export function statsWords(model: string, { tensors }: StatsResult): string {
  const channels = tensors.reduce((sum, { outlierChannels }) => sum + outlierChannels.length, 0);
  const modules = tensors.filter(({ outlierChannels }) => outlierChannels.length > 0).length;
  return `Statistics of ${model}: ${tensors.length} linears, ${channels} outlier channels in ${modules} of them.`;
}

export function distanceWords(model: string, reference: string, { blocks }: DistanceResult): string {
  const last = blocks.at(-1);
  const far =
    last === undefined
      ? ''
      : ` ${last.sqnrDb > 1e300 ? 'no error' : `${last.sqnrDb.toFixed(1)} dB`} after the last of ${blocks.length} blocks, cosine ${last.cosine.toFixed(5)}.`;
  return `Distance of ${model} from ${reference}:${far}`;
}

function valueWords(metric: Metric['name'], value: number): string {
  return metric === 'perplexity' ? value.toFixed(3) : `${(100 * value).toFixed(1)} %`;
}
