import { expect } from 'vitest';

/** An assertion that may become true within a minute: long, because a loaded machine is slow and not wrong. */
export function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: 60_000, interval: 50 });
}
