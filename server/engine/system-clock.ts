import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { Clock } from './ports.ts';

/** UUID of this process; the ids that it makes differ by a counter. */
const PROCESS_ID = uuidv7();
let idsMade = 0;

/** A unique id, `<uuid of this process>.<counter>`: no randomness has to be drawn for each. */
export function freshId(): string {
  idsMade += 1;
  return `${PROCESS_ID}.${idsMade.toString(36)}`;
}

/** Bytes of a token, and tokens for which randomness is drawn at once: each entry takes two. */
const TOKEN_BYTES = 9;
const POOLED_TOKENS = 256;
let pool = Buffer.alloc(0);

function token(): string {
  if (pool.length === 0) pool = randomBytes(TOKEN_BYTES * POOLED_TOKENS);
  const drawn = pool.toString('base64url', 0, TOKEN_BYTES);
  pool = pool.subarray(TOKEN_BYTES);
  return drawn;
}

/** The clock of the machine, and its randomness. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  turn: (callback) => void setImmediate(callback),
  random: () => Math.random(),
  token,
  id: freshId,
};
