// Where packed models are kept between loads: the system's folder for caches, never beside a model. Pure; the environment comes in.
import { homedir } from 'node:os';
import { join, posix, resolve, win32 } from 'node:path';

export interface CacheLocation {
  readonly directory: string;
  /** Of all packed models; null: 20 GB, or a tenth of the disk where that is less. */
  readonly maxBytes: number | null;
}

/**
 * QUANTWRIGHT_CACHE_DIR, else quantwright in the user's cache folder of this system. null: no cache (QUANTWRIGHT_NO_CACHE is set).
 * QUANTWRIGHT_CACHE_GB: most gigabytes.
 */
export function cacheLocation(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): CacheLocation | null {
  if (set(environment['QUANTWRIGHT_NO_CACHE']) && environment['QUANTWRIGHT_NO_CACHE'] !== '0') return null;
  const gigabytes = Number(environment['QUANTWRIGHT_CACHE_GB'] ?? Number.NaN);
  const forced = environment['QUANTWRIGHT_CACHE_DIR'];
  return {
    directory: set(forced) ? resolve(forced) : join(userCache(environment, platform), 'quantwright', 'packed'),
    maxBytes: Number.isFinite(gigabytes) && gigabytes > 0 ? gigabytes * 1e9 : null,
  };
}

function userCache(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'win32') return environment['LOCALAPPDATA'] ?? win32.join(homedir(), 'AppData', 'Local');
  if (platform === 'darwin') return posix.join(homedir(), 'Library', 'Caches');
  // The XDG base directory specification: a path that is not absolute is ignored.
  const xdg = environment['XDG_CACHE_HOME'];
  return set(xdg) && posix.isAbsolute(xdg) ? xdg : posix.join(environment['HOME'] ?? homedir(), '.cache');
}

function set(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
