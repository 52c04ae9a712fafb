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

/** Bytes of a token, and its characters in base64url, which are whole. */
const TOKEN_BYTES = 9;
const TOKEN_CHARACTERS = 12;
/** Tokens for which randomness is drawn and written at once: each entry takes two. */
const POOLED_TOKENS = 256;
let pool = '';
let drawnCharacters = 0;

function token(): string {
  if (drawnCharacters === pool.length) {
    pool = randomBytes(TOKEN_BYTES * POOLED_TOKENS).toString('base64url');
    drawnCharacters = 0;
  }
  drawnCharacters += TOKEN_CHARACTERS;
  return pool.slice(drawnCharacters - TOKEN_CHARACTERS, drawnCharacters);
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
