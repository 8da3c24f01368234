// What the handlers of one engine process share.
import type { JobQueue } from '../jobs/queue.ts';
import type { ModelCache } from '../jobs/model-cache.ts';

export interface EngineServices {
  readonly queue: JobQueue;
  readonly models: ModelCache;
}
