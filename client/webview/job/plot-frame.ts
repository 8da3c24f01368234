// The room that all plots have: pixels of the drawing, and what axes and their numbers need of it.
export const plotWidth = 640;
export const plotHeight = 260;
export const frame = { left: 64, right: 16, top: 12, bottom: 36 } as const;
