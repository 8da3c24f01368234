// The largest magnitude of every channel, and which of them stand out. Source of the limit: LLM.int8() calls a channel an outlier by its magnitude; here it is
// relative to the model's own median, so that one number serves every scale of activations.

/** Times the median. */
export const outlierFactor = 6;
/** Bins of a map of channels: as many as a picture has columns to show. */
export const channelBins = 128;

export interface ChannelMaxima {
  /** [tokens, width] */
  add(values: Float32Array): void;
  /** [width] */
  readonly maxima: Float64Array;
}

export function createChannelMaxima(width: number): ChannelMaxima {
  const maxima = new Float64Array(width);
  return {
    add: (values) => {
      for (let row = 0; row < values.length; row += width) {
        for (let channel = 0; channel < width; channel++) {
          const magnitude = Math.abs(values[row + channel] ?? 0);
          if (magnitude > (maxima[channel] ?? 0)) maxima[channel] = magnitude;
        }
      }
    },
    maxima,
  };
}

/** Channels above `outlierFactor` times the median of all. */
export function outlierChannels(maxima: Float64Array): readonly number[] {
  const sorted = maxima.toSorted();
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
  return [...maxima.keys()].filter((channel) => (maxima[channel] ?? 0) > outlierFactor * median);
}

/** The largest of each of at most `channelBins` bins of neighbouring channels: channel c is in bin floor(c * bins / width). */
export function inBins(maxima: Float64Array): readonly number[] {
  const bins = Math.min(maxima.length, channelBins);
  const out = new Array<number>(bins).fill(0);
  for (let channel = 0; channel < maxima.length; channel++) {
    const bin = Math.floor((channel * bins) / maxima.length);
    out[bin] = Math.max(out[bin] ?? 0, maxima[channel] ?? 0);
  }
  return out;
}
