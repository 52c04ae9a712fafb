/**
 * Prices of work, in points. A point is about 25 µs of one core. Mutations that are accepted
 * are paid for by their bytes, and by the mutation rate (`mutation-rate.ts`).
 */
export const PRICES = {
  /** A query. */
  query: 1,
  /** A query that may read the archive, or fold entries of the history. */
  historyQuery: 8,
  /** A subscription, stopped or not. */
  subscription: 10,
  /** Verification of a token. */
  authentication: 4,
  /** A message that is no call: a stop, `PING` or `PONG`. */
  control: 1,
  /** A refused call, beside its own price: an error is made, formatted and encoded. */
  refusal: 4,
  /** A connection that is not admitted: its handshake and its end. */
  unadmittedConnection: 8,
  /** An http request that is no call: a file, a preflight, an unknown path. */
  request: 1,
  /** A probe of readiness. */
  readiness: 4,
  /** A scrape of all metrics. */
  metrics: 40,
  /**
   * Bytes of a ws message, or of an http body, beyond `freeInputBytes` that cost one more point: they are parsed,
   * checked and cleaned.
   */
  inputBytesPerPoint: 256,
  /** Bytes of each message or body that cost nothing: the price of its calls has them. */
  freeInputBytes: 1_024,
  /** Bytes of an answer, or of an http response, that cost one more point. */
  bytesPerPoint: 4_096,
} as const;

/** Price of so many bytes of an answer, in points. */
export function priceOfBytes(bytes: number): number {
  return Math.floor(bytes / PRICES.bytesPerPoint);
}

/** Price of so many bytes that a caller sends, in points. */
export function priceOfInput(bytes: number): number {
  return Math.floor(Math.max(0, bytes - PRICES.freeInputBytes) / PRICES.inputBytesPerPoint);
}

/** Budget of work by key: a connection, a caller or an address. */
export interface WorkBudget {
  /** Milliseconds until the key may start work again; 0 where it may now. */
  waitMs(key: string): number;
  /** Charges work to the key. The budget may be overdrawn by it: the price of an answer is known when it is made. */
  charge(key: string, points: number): void;
}

/** Work that may be done ahead of the rate, in milliseconds. */
const BURST_MS = 2_000;

/**
 * What a key owes at most, in milliseconds: what comes from it is charged on arrival, without end where somebody
 * floods, and whoever shares the address is to get on within a minute after that.
 */
const MAX_DEBT_MS = 60_000;

/** Keys at which those that have paid are removed for the first time. */
const FIRST_SWEEP = 1_024;

/**
 * Generic cell rate algorithm: one number per key, the time at which all its work is paid for. A key that is not in the
 * map has paid; nobody owes more than {@link MAX_DEBT_MS}.
 *
 * @param pointsPerSecond rate of each key; 0: no limit
 * @param now milliseconds of a monotonic clock
 */
export function createWorkBudget(pointsPerSecond: number, now: () => number): WorkBudget {
  if (pointsPerSecond === 0) return { waitMs: () => 0, charge: () => undefined };
  const msPerPoint = 1_000 / pointsPerSecond;
  const paidAt = new Map<string, number>();
  let sweepAt = FIRST_SWEEP;

  /** In all keys' time, so that the cost per charge is constant. */
  function sweep(time: number): void {
    for (const [key, at] of paidAt) if (at <= time) paidAt.delete(key);
    sweepAt = Math.max(FIRST_SWEEP, paidAt.size * 2);
  }

  return {
    waitMs(key) {
      const at = paidAt.get(key);
      return at === undefined ? 0 : Math.max(0, at - now() - BURST_MS);
    },
    charge(key, points) {
      const time = now();
      const at = Math.max(time, paidAt.get(key) ?? 0) + points * msPerPoint;
      paidAt.set(key, Math.min(at, time + BURST_MS + MAX_DEBT_MS));
      if (paidAt.size > sweepAt) sweep(time);
    },
  };
}

/** The budgets of a server. Each caller pays from all that apply to it. */
export interface WorkBudgets {
  /** By ws connection. */
  readonly connections: WorkBudget;
  /** By the caller's id, over all its connections and requests. */
  readonly callers: WorkBudget;
  /** By address, for callers without a valid token. */
  readonly addresses: WorkBudget;
  /** By the connection of a relay, over all who call through it, beside their own. */
  readonly relays: WorkBudget;
}

/** The longest that a request or an upgrade waits for the budget of its address, in milliseconds. */
export const MAX_DELAY_MS = 1_000;

/** How much more than one connection may use: a caller over all of its connections, or an address. */
export const CALLER_FACTOR = 4;

/** The same for all who call through one relay: by default most of one core. */
export const RELAY_FACTOR = 16;

/**
 * @param pointsPerSecond rate of one connection; 0: no limits
 * @param now milliseconds of a monotonic clock
 */
export function createWorkBudgets(pointsPerSecond: number, now: () => number = () => performance.now()): WorkBudgets {
  return {
    connections: createWorkBudget(pointsPerSecond, now),
    callers: createWorkBudget(pointsPerSecond * CALLER_FACTOR, now),
    addresses: createWorkBudget(pointsPerSecond, now),
    relays: createWorkBudget(pointsPerSecond * RELAY_FACTOR, now),
  };
}
