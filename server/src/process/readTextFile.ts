// The one place where the server touches the disk: a small text file by its URI, or null when there is none to read.
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** A model's config.json has some kB; the largest known quantization blocks reach 3 MB. More is no config. */
const byteLimit = 8 * 1024 * 1024;

export async function readTextFile(uri: string): Promise<string | null> {
  if (!uri.startsWith('file:')) return null;
  try {
    const file = await open(fileURLToPath(uri), 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > byteLimit) return null;
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch {
    // Absent, unreadable or not a local path: the same as no model beside the config, which is the usual case.
    return null;
  }
}
