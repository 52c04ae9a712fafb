import { setTimeout as pause } from 'node:timers/promises';
import { asError } from '../core/errors.ts';
import { signHeads, type SignOptions } from './statements.ts';

/** Entries of a campaign after which its chain is signed. */
const SIGN_ENTRIES = 100;
/** Time after which a chain that has grown at all is signed, in milliseconds. */
const SIGN_AFTER_MS = 60 * 60_000;
/** Interval at which chains are looked at, in milliseconds. */
const LOOK_MS = 30_000;

/**
 * Signs where the chains stand, for as long as the instance runs.
 *
 * @returns stops it, and signs once more before that, so that a restart leaves nothing unsigned
 */
export function startSigning(options: SignOptions, onFailed: (error: Error) => void): () => Promise<void> {
  const ending = new AbortController();
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await signHeads(options, SIGN_ENTRIES, options.now() - SIGN_AFTER_MS).catch((error: unknown) =>
        onFailed(asError(error)),
      );
      await pause(LOOK_MS, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
    }
    await signHeads(options, 1, options.now()).catch((error: unknown) => onFailed(asError(error)));
  };
  const ended = loop();
  return async () => {
    ending.abort();
    await ended;
  };
}
