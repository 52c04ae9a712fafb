/** What the benchmark's processes say to each other. */

/** To a server under test. */
export type ServerCommand =
  /** Changes the thing that everyone watches, so many times within one turn of the event loop; answers `done`. */
  | { type: 'publish'; updates: number; bytes: number }
  /** The same, at so many updates a second for so many milliseconds; answers `done`. */
  | { type: 'publish-at'; rate: number; milliseconds: number; bytes: number }
  /** Makes further campaigns of that size, and has them in memory; answers `done`. */
  | { type: 'campaigns'; count: number; bytes: number }
  /** What the process has used. */
  | { type: 'usage'; collect: Collect }
  /** Ends as SIGTERM would end it; answers `closed`. */
  | { type: 'close' };

/**
 * What is done first: nothing; a garbage collection; or one that also lets the system have back what V8 keeps for
 * itself, as it does when memory runs short (else a resident set never falls).
 */
export type Collect = 'nothing' | 'garbage' | 'everything';

export interface Usage {
  /** Microseconds of CPU, user and system, all threads, since the process started. */
  cpu: number;
  /** The same of each process, where it consists of several: the primary first. */
  cpuOfEach?: readonly number[];
  /** Bytes. */
  heap: number;
  rss: number;
  /** Handles that keep the process alive: sockets, timers, files. */
  handles: number;
  /** Listeners on the process. */
  listeners: number;
  /** Campaigns in memory; 0 in systems that have none. */
  campaigns: number;
}

export type ServerReply =
  | { type: 'ready'; port: number }
  | { type: 'done'; published: number }
  | { type: 'usage'; usage: Usage }
  | { type: 'closed' };

/** To a process of thin clients. */
export type LoadCommand =
  /** So many watchers more; with `secret`, each brings a token of its own. */
  | { type: 'connect'; protocol: string; port: number; count: number; secret?: string }
  /**
   * From now on, whoever loses its connection comes back as the SDK does: with jitter, from where it was. Answers
   * `connected`.
   */
  | { type: 'follow' }
  /** Forgets what was received so far. */
  | { type: 'reset' }
  /** Answers `received` once every watcher has seen update `last`, or after that many milliseconds. */
  | { type: 'await'; last: number; timeoutMs: number }
  /** So many mutations on one connection, `window` of them under way at a time; answers `mutated`. */
  | {
      type: 'mutate';
      protocol: string;
      port: number;
      count: number;
      window: number;
      secret?: string;
      durable?: boolean;
      /** Changes in one mutation: each is then a push of so many. */
      push?: number;
    }
  /** Ends the first so many watchers, or all of them. */
  | { type: 'leave'; count: number };

export interface Received {
  watchers: number;
  /** Updates that were seen, over all watchers. */
  updates: number;
  /** Watchers that saw an update twice, out of order, or missed one. */
  broken: number;
  /** Watchers that have seen the last one. */
  complete: number;
  /** Watchers that were given a whole snapshot when they came back. */
  snapshots: number;
  /** Bytes of the frames that they came in. */
  bytes: number;
  /** Microseconds from the change to its arrival, sorted. */
  latencies: number[];
}

export interface Mutated {
  seconds: number;
  /** Microseconds from the sending to the answer, sorted. */
  latencies: number[];
}

export type LoadReply =
  | { type: 'connected' }
  | { type: 'received'; received: Received }
  | { type: 'mutated'; mutated: Mutated }
  /** What was asked for cannot be done. */
  | { type: 'failed'; message: string };

/** Microseconds of the machine's monotonic clock: the same in every process. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** What everyone watches. */
export interface Payload {
  /** Counts up. */
  n: number;
  /** When it was made. */
  t: number;
  /** As much JSON as is wanted. */
  items: { id: number; label: string; value: number }[];
}

/** About so many bytes of JSON are one item. */
const ITEM_BYTES = 42;
const HEAD_BYTES = 45;
let lastMade = 0;

/**
 * No two are made in one microsecond, and every item differs from the one before: a change leaves out what stays the
 * same.
 */
export function payload(n: number, bytes: number): Payload {
  lastMade = Math.max(nowMicros(), lastMade + 1);
  const count = Math.max(0, Math.ceil((bytes - HEAD_BYTES) / ITEM_BYTES));
  return {
    n,
    t: lastMade,
    items: Array.from({ length: count }, (_, id) => ({ id, label: 'audience', value: 1_000 + ((n + id) % 1_000) })),
  };
}
