// The journeys in the order in which they are told: from the cheap to the costly, so that a broken build shows early.
import type { Journey } from '../journey.ts';
import { cancel } from './cancel.ts';
import { chat } from './chat.ts';
import { completion } from './completion.ts';
import { engineCrash } from './engine-crash.ts';
import { hover } from './hover.ts';
import { quantize } from './quantize.ts';
import { squiggleAndQuickFix } from './squiggle-and-quick-fix.ts';
import { target } from './target.ts';

/** Name of the file and of the screenshots -> journey. */
export const journeys: Readonly<Record<string, Journey>> = {
  'squiggle-and-quick-fix': squiggleAndQuickFix,
  completion,
  hover,
  target,
  quantize,
  cancel,
  chat,
  'engine-crash': engineCrash,
};
