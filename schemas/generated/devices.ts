import type { Device } from '../hardware/target.ts';
export const deviceRows: readonly Device[] = [];
