import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheLocation } from './location.ts';

test('each system has its folder for caches', () => {
  assert.equal(cacheLocation({ HOME: '/home/a' }, 'linux')?.directory, '/home/a/.cache/quantwright/packed');
  assert.equal(cacheLocation({ HOME: '/home/a', XDG_CACHE_HOME: '/fast' }, 'linux')?.directory, '/fast/quantwright/packed');
  assert.equal(cacheLocation({ HOME: '/home/a', XDG_CACHE_HOME: 'relative' }, 'linux')?.directory, '/home/a/.cache/quantwright/packed');
  assert.equal(cacheLocation({}, 'darwin')?.directory, join(homedir(), 'Library', 'Caches', 'quantwright', 'packed'));
  assert.match(cacheLocation({ LOCALAPPDATA: 'C:\\Users\\a\\AppData\\Local' }, 'win32')?.directory ?? '', /^C:\\Users\\a\\AppData\\Local.quantwright.packed$/);
});

test('the environment names the folder, limits it and turns it off', () => {
  assert.equal(cacheLocation({ QUANTWRIGHT_CACHE_DIR: '/data/cache' }, 'linux')?.directory, '/data/cache');
  assert.equal(cacheLocation({ HOME: '/h', QUANTWRIGHT_CACHE_DIR: '' }, 'linux')?.directory, '/h/.cache/quantwright/packed');
  assert.equal(cacheLocation({ QUANTWRIGHT_CACHE_GB: '2.5' }, 'linux')?.maxBytes, 2.5e9);
  assert.equal(cacheLocation({ QUANTWRIGHT_CACHE_GB: 'much' }, 'linux')?.maxBytes, null);
  assert.equal(cacheLocation({ QUANTWRIGHT_CACHE_GB: '-1' }, 'linux')?.maxBytes, null);
  assert.equal(cacheLocation({ QUANTWRIGHT_NO_CACHE: '1' }, 'linux'), null);
  assert.notEqual(cacheLocation({ QUANTWRIGHT_NO_CACHE: '0' }, 'linux'), null);
});
