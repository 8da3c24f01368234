// The room that all plots have: pixels of the drawing, and what axes and their numbers need of it.
export const plotWidth = 520;
export const plotHeight = 230;
export const frame = { left: 58, right: 16, top: 12, bottom: 36 } as const;
