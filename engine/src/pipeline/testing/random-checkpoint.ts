// A checkpoint of random weights under given names and shapes: the same for the same list. For tests.
import { createCheckpoint } from '../../checkpoint/sharded-writer.ts';

/** f32; vectors lie around 1, as norms do, matrices around 0. */
export async function writeRandomCheckpoint(directory: string, shapes: ReadonlyMap<string, readonly number[]>): Promise<void> {
  const writer = await createCheckpoint(
    directory,
    [...shapes].map(([name, shape]) => ({ name, dtype: 'F32' as const, shape })),
    {},
  );
  let state = 11;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  for (const [name, shape] of shapes) {
    const length = shape.reduce((product, size) => product * size, 1);
    await writer.write(
      name,
      Float32Array.from({ length }, () => (shape.length === 1 ? 1 : 0) + 0.2 * next()),
    );
  }
  await writer.finish();
}
