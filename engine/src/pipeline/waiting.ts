// What a job has written so far, with the tensors that wait in the sink for the end of their part: calibration reads a block before it is finished.
import type { MappedCheckpoint } from '../checkpoint/mapped.ts';
import type { ModelSink } from './sink.ts';

export function withWaiting(mapped: MappedCheckpoint, sink: ModelSink): MappedCheckpoint {
  const { checkpoint } = mapped;
  return {
    ...mapped,
    checkpoint: {
      ...checkpoint,
      has: (name) => sink.waiting(name) !== undefined || checkpoint.has(name),
      find: (name) => sink.waiting(name)?.info ?? checkpoint.find(name),
      info: (name) => sink.waiting(name)?.info ?? checkpoint.info(name),
    },
    read: (name) => sink.waiting(name)?.data.slice() ?? mapped.read(name),
    bytes: (name) => sink.waiting(name)?.data ?? mapped.bytes(name),
    release: (name) => {
      if (sink.waiting(name) === undefined) mapped.release(name);
    },
  };
}
