import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { Clock } from './ports.ts';

/** One UUID for the process; what it makes is told apart by counting. */
const ORIGIN = uuidv7();
let made = 0;

/**
 * An id that no other process and no other call makes, without drawing chance for each: `<uuid of this
 * process>.<number>`.
 */
export function freshId(): string {
  made += 1;
  return `${ORIGIN}.${made.toString(36)}`;
}

/** The machine's own time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  turn: (callback) => void setImmediate(callback),
  random: () => Math.random(),
  token: () => randomBytes(9).toString('base64url'),
  id: freshId,
};
