import type { Clock } from '../ports.ts';
import type { Reader } from '../service.ts';

/*
 * The backpressure policy of the server: what happens to a reader that takes its events more slowly than they are made.
 *
 * - A stream pauses while its socket holds more than `BACKPRESSURE_HIGH_WATER_BYTES` unsent. Nothing is queued for it:
 *   what it misses stays in the campaign's ring buffer, which all of its readers share.
 * - The socket is looked at every `BACKPRESSURE_POLL_MS`. Once it has drained, the reader gets the entries that it
 *   missed, or, where these are more than `BACKPRESSURE_BUFFER_ENTRIES`, one snapshot with the reason `slow`.
 * - A socket that has not drained within `BACKPRESSURE_TIMEOUT_MS` is disconnected.
 * - Answers to calls cannot pause, but calls can: none is started while a socket holds more than 1 MiB unsent
 *   (`server-socket.ts`). A socket on which `BACKPRESSURE_MAX_SOCKET_BYTES` wait all the same is disconnected.
 * - All sockets together may hold `BACKPRESSURE_MEMORY_FRACTION` of the memory. Beyond that those that hold the most
 *   are disconnected.
 *
 * The first three rules are applied by push and pull delivery, through `isBackpressured` and `createDrainPoll` below;
 * the other two, which concern sockets rather than streams, by `server-socket.ts` and `held-bytes.ts` in
 * `server/api/transport`. *Drained* means that a socket holds no more than the high water mark, not that it is empty.
 */

/** Unsent bytes in a socket above which nothing more is streamed to it. */
export const BACKPRESSURE_HIGH_WATER_BYTES = 256 * 1024;

/** Interval, in milliseconds, at which a congested socket is looked at: `ws` emits no event when it has drained. */
export const BACKPRESSURE_POLL_MS = 25;

/**
 * Time, in milliseconds, after which a socket that has not drained is disconnected: its reader has gone or is stuck.
 */
export const BACKPRESSURE_TIMEOUT_MS = 60_000;

/**
 * Entries that a reader may have missed behind a congested socket and still be sent one by one; beyond them a snapshot
 * is shorter. The default of `CAMPAIGN_SUBSCRIBER_BUFFER`.
 */
export const BACKPRESSURE_BUFFER_ENTRIES = 16;

/** Unsent bytes in one socket, answers to calls included, above which it is disconnected. */
export const BACKPRESSURE_MAX_SOCKET_BYTES = 32 * 1024 * 1024;

/** Part of the process's memory that the unsent bytes of all sockets may take. The default of `CAMPAIGN_MAX_UNREAD`. */
export const BACKPRESSURE_MEMORY_FRACTION = 1 / 4;

/** Whether a reader's socket is congested, so that streaming to it has to pause. */
export function isBackpressured(reader: Pick<Reader, 'bufferedBytes'>): boolean {
  return reader.bufferedBytes() > BACKPRESSURE_HIGH_WATER_BYTES;
}

/** What a drain poll needs of a reader, and what it reports. */
export interface DrainWait {
  readonly reader: Pick<Reader, 'bufferedBytes' | 'disconnect'>;
  /** The socket has drained: streaming can go on. */
  onDrained(): void;
  /** The socket has not drained within `BACKPRESSURE_TIMEOUT_MS`, and has been disconnected. */
  onDisconnected(): void;
}

/** Watches congested sockets until each has drained, or is disconnected. */
export interface DrainPoll {
  /**
   * Waits for one socket: exactly one of the two callbacks is called, once, unless the wait is cancelled before that.
   *
   * @returns cancels the wait
   */
  wait(wait: DrainWait): () => void;
}

/**
 * Creates the drain poll of one campaign. One timer serves all of its congested readers, and runs only while there are
 * any.
 */
export function createDrainPoll(clock: Pick<Clock, 'now' | 'after'>): DrainPoll {
  /** Each wait with the time at which its socket is given up. */
  const waits = new Map<DrainWait, number>();
  let cancelTimer: (() => void) | undefined;

  const schedule = (): void => {
    cancelTimer ??= clock.after(BACKPRESSURE_POLL_MS, poll);
  };

  const poll = (): void => {
    cancelTimer = undefined;
    for (const [wait, disconnectAt] of waits) {
      if (!isBackpressured(wait.reader)) {
        waits.delete(wait);
        wait.onDrained();
      } else if (clock.now() >= disconnectAt) {
        waits.delete(wait);
        wait.reader.disconnect();
        wait.onDisconnected();
      }
    }
    if (waits.size > 0) schedule();
  };

  return {
    wait(wait) {
      waits.set(wait, clock.now() + BACKPRESSURE_TIMEOUT_MS);
      schedule();
      return () => {
        if (!waits.delete(wait) || waits.size > 0) return;
        cancelTimer?.();
        cancelTimer = undefined;
      };
    },
  };
}
