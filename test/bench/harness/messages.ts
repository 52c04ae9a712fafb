/** What the benchmark's processes say to each other. */

/** To a server under test. */
export type ServerCommand =
  /** Changes the thing that everyone watches, so many times within one turn of the event loop. */
  | { type: 'publish'; updates: number; bytes: number }
  /** The same, at so many updates a second for so many milliseconds; answers `done`. */
  | { type: 'publish-at'; rate: number; milliseconds: number; bytes: number }
  /** Asks for what the process has used; collects garbage first. */
  | { type: 'usage' };

export interface Usage {
  /** Microseconds of CPU, user and system, since the process started. */
  cpu: number;
  /** Bytes. */
  heap: number;
  rss: number;
}

export type ServerReply = { type: 'ready'; port: number } | { type: 'done'; published: number } | { type: 'usage'; usage: Usage };

/** To a process of thin clients. */
export type LoadCommand =
  | { type: 'connect'; protocol: string; port: number; count: number }
  /** Forgets what was received so far. */
  | { type: 'reset' }
  /** Answers `received` once every client has seen update `last`, or after the patience. */
  | { type: 'await'; last: number; patience: number }
  /** So many mutations on one connection, `window` of them under way at a time; answers `mutated`. */
  | { type: 'mutate'; protocol: string; port: number; count: number; window: number }
  | { type: 'close' };

export interface Received {
  clients: number;
  /** Updates that were seen, over all clients. */
  updates: number;
  /** Frames in which they came. */
  frames: number;
  /** Clients that saw an update twice, out of order, or missed one. */
  broken: number;
  /** Clients that have seen the last one. */
  complete: number;
  /** Microseconds from the change to its arrival, sorted. */
  latencies: number[];
}

export type LoadReply =
  | { type: 'connected' }
  | { type: 'received'; received: Received }
  | { type: 'mutated'; seconds: number; latencies: number[] }
  | { type: 'closed' };

/** Microseconds of the machine's monotonic clock: the same in every process. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** The document's part that changes: a number that counts up, when it was made, and text up to the size. */
export function payload(n: number, bytes: number): { n: number; t: number; text: string } {
  return { n, t: nowMicros(), text: 'x'.repeat(Math.max(0, bytes - 40)) };
}
