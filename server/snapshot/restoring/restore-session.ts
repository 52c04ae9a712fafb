import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { RefusalError } from '../../core/errors.ts';
import { SnapshotError } from '../snapshot-error.ts';
import type { RestoreOptions } from './restore-options.ts';
import type { RestoreProgress, RestoreReport } from './restore-report.ts';
import { restoreSnapshot, type RestoreTarget } from './restore-snapshot.ts';

/** A restore whose file comes in parts, each with one call. */
export interface RestoreSession {
  /**
   * Takes the next bytes of the file, and resolves once there is room for more. Bytes that have come already are
   * passed over, so that a call whose answer was lost can be made again.
   *
   * @param offset of the first of them in the file
   * @throws RefusalError what has ended the restore; `INVALID` where bytes are missing in between
   */
  append(offset: number, bytes: Uint8Array): Promise<RestoreProgress>;
  /**
   * Says that the file is complete, and waits for the end, at most that many milliseconds.
   *
   * @returns `undefined` where it goes on: ask again
   */
  finish(timeoutMs: number): Promise<RestoreReport | undefined>;
  /** Ends it, unless the file is complete. */
  abandon(reason: string): void;
  readonly progress: RestoreProgress;
  /** Bytes of the file that have come. */
  readonly received: number;
  /** Settles when it is over, in whatever way. */
  readonly over: Promise<void>;
}

export function createRestoreSession(options: RestoreOptions, target: RestoreTarget): RestoreSession {
  const file = new PassThrough();
  let received = 0;
  let progress: RestoreProgress = {
    phase: 'reading',
    campaigns: 0,
    entries: 0,
    expectedCampaigns: 0,
    expectedEntries: 0,
  };
  const outcome = restoreSnapshot(file, options, target, (now) => {
    progress = now;
  }).catch((error: unknown) => {
    file.destroy();
    throw toRefusal(error);
  });
  const over = outcome.then(
    () => undefined,
    () => undefined,
  );
  // A stream that is destroyed by `abandon` says so to whoever reads it; nobody else has to hear of it.
  file.on('error', () => undefined);

  return {
    over,
    get progress() {
      return progress;
    },
    get received() {
      return received;
    },
    async append(offset, bytes) {
      if (offset > received || file.writableEnded) {
        const message = `offset: ${received} bytes have come; the next call begins there`;
        throw new RefusalError('INVALID', message, { path: ['offset'] });
      }
      const fresh = bytes.subarray(received - offset);
      received += fresh.length;
      // What has ended the restore is the answer, as soon as it has ended.
      if (file.destroyed) await outcome;
      if (fresh.length > 0 && !file.write(fresh)) await Promise.race([once(file, 'drain'), outcome]);
      return progress;
    },
    async finish(timeoutMs) {
      file.end();
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, timeoutMs, undefined);
      });
      try {
        return await Promise.race([outcome, timeout]);
      } finally {
        clearTimeout(timer);
      }
    },
    abandon(reason) {
      if (!file.writableEnded) file.destroy(new RefusalError('UNAVAILABLE', reason, { retryable: false }));
    },
  };
}

/** What is wrong with the file is the caller's to know; other errors are the server's own. */
function toRefusal(error: unknown): unknown {
  if (error instanceof SnapshotError) return new RefusalError('INVALID', `The file is refused: ${error.message}`);
  return error;
}
