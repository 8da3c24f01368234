// What the handlers of one engine process share.

import type { ModelCache } from '../jobs/model-cache.ts';
import type { JobQueue } from '../jobs/queue.ts';

export interface EngineServices {
  readonly queue: JobQueue;
  readonly models: ModelCache;
}
