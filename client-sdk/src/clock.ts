/** The source of time, timers, randomness and ids: the SDK has no other, so that tests can control all four. */
export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds, unless the returned function is called first. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** In [0, 1). */
  readonly random: () => number;
  /** A new unique id, for mutations. */
  readonly id: () => string;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  id: uuid,
};

/**
 * A random UUID. `crypto.randomUUID` exists in secure contexts only, `getRandomValues` on `http://` pages too, and React
 * Native has no `crypto`: an id is unique, and no secret.
 */
function uuid(): string {
  const source = typeof crypto === 'undefined' ? undefined : crypto;
  if (typeof source?.randomUUID === 'function') return source.randomUUID();
  const empty = new Uint8Array(16);
  const bytes = source?.getRandomValues(empty) ?? empty.map(() => Math.random() * 256);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  // Version 4, in the variant of RFC 9562.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
