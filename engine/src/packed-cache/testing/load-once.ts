// Test support, run as a process: loads MODEL_DIR with the cache in CACHE_DIR and prints what came of it as JSON.
import { createHash } from 'node:crypto';
import { logitsOf } from '../../eval/logits.ts';
import { loadBinding } from '../../jobs/binding.ts';
import { loadModel } from '../../model/load.ts';
import { createPackedCache } from '../packed-cache.ts';

const [, , modelDir = '', directory = ''] = process.argv;
const binding = await loadBinding();
const notes: string[] = [];
const cache = createPackedCache({ binding, location: { directory, maxBytes: null }, worthMs: 0, note: (text) => notes.push(text) });
const model = await loadModel(modelDir, { binding, cache });
const logits = await logitsOf(model, Int32Array.of(1, 2, 3));
await model.cached;
process.stdout.write(JSON.stringify({ fromCache: model.fromCache, logits: createHash('sha256').update(logits).digest('hex'), notes }));
