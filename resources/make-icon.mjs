// Draws resources/icon.png (128 x 128): a smooth curve and the staircase it is rounded to. Run it after a change: node resources/make-icon.mjs
import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const size = 128;
const samples = 4; // per axis and pixel, for smooth edges
const background = [24, 33, 52];
const staircase = [86, 180, 233];
const curve = [240, 228, 66];

const left = 22;
const right = 106;
const top = 26;
const bottom = 102;
const levels = 5;

/** Height of the curve at x, both in pixels. */
function curveAt(x) {
  const t = (x - left) / (right - left);
  const logistic = (value) => 1 / (1 + Math.exp(-value));
  const s = (logistic(7 * (t - 0.5)) - logistic(-3.5)) / (logistic(3.5) - logistic(-3.5));
  return bottom - s * (bottom - top);
}

function stairAt(x) {
  const step = (right - left) / levels;
  const middle = left + step * (Math.min(levels - 1, Math.floor((x - left) / step)) + 0.5);
  const height = (bottom - top) / (levels - 1);
  return bottom - Math.round((bottom - curveAt(middle)) / height) * height;
}

function colourAt(x, y) {
  const corner = 22;
  const dx = Math.max(corner - x, x - (size - corner), 0);
  const dy = Math.max(corner - y, y - (size - corner), 0);
  if (Math.hypot(dx, dy) > corner) return [0, 0, 0, 0];
  if (x >= left - 3 && x <= right + 3) {
    const inside = Math.min(right, Math.max(left, x));
    const slope = (curveAt(inside + 0.5) - curveAt(inside - 0.5)) / 1;
    if (Math.abs(y - curveAt(inside)) / Math.hypot(1, slope) < 2.6) return [...curve, 255];
    const low = Math.min(stairAt(Math.max(left, inside - 3)), stairAt(Math.min(right, inside + 3)));
    const high = Math.max(stairAt(Math.max(left, inside - 3)), stairAt(Math.min(right, inside + 3)));
    if (y > low - 3 && y < high + 3) return [...staircase, 255];
  }
  return [...background, 255];
}

const rows = Buffer.alloc(size * (1 + size * 4));
for (let y = 0; y < size; y++) {
  for (let x = 0; x < size; x++) {
    const sum = [0, 0, 0, 0];
    for (let i = 0; i < samples * samples; i++) {
      const [r, g, b, a] = colourAt(x + ((i % samples) + 0.5) / samples, y + (Math.floor(i / samples) + 0.5) / samples);
      sum[0] += r * a;
      sum[1] += g * a;
      sum[2] += b * a;
      sum[3] += a;
    }
    const at = y * (1 + size * 4) + 1 + x * 4;
    for (let channel = 0; channel < 3; channel++) rows[at + channel] = sum[3] === 0 ? 0 : Math.round(sum[channel] / sum[3]);
    rows[at + 3] = Math.round(sum[3] / (samples * samples));
  }
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(checksum(body), body.length + 4);
  return out;
}

/** zlib has crc32 from Node 20.15 on. */
function checksum(body) {
  return crc32(body) >>> 0;
}

const header = Buffer.alloc(13);
header.writeUInt32BE(size, 0);
header.writeUInt32BE(size, 4);
header.set([8, 6, 0, 0, 0], 8);
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const png = Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
writeFileSync(new URL('icon.png', import.meta.url), png);
