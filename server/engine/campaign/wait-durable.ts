import { RefusalError } from '../../core/errors.ts';
import type { LiveCampaign } from './live-campaign.ts';
import type { Clock } from '../ports.ts';

export interface WaitDurableOptions {
  readonly clock: Clock;
  /** How long to wait, in milliseconds: the archive may be away for longer than a caller can wait. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly mutationId?: string | undefined;
}

/**
 * Waits until a version is committed.
 *
 * @throws RefusalError `UNAVAILABLE`, retryable, where that takes too long, the caller disconnects, or the version was
 *   lost
 */
export function waitDurable(live: LiveCampaign, version: number, options: WaitDurableOptions): Promise<void> {
  const { clock, timeoutMs, signal, mutationId } = options;
  const unavailable = (message: string): RefusalError =>
    new RefusalError('UNAVAILABLE', message, { retryAfterMs: 1_000, ...(mutationId !== undefined && { mutationId }) });

  // A signal that was aborted before fires no event.
  if (signal?.aborted === true) return Promise.reject(unavailable('the caller has disconnected'));
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const settle = (error?: Error): void => {
      for (const stop of stops) stop();
      // A caller that asks for a position is told that it was lost; one that wants a change can send it again.
      const isGone = error instanceof RefusalError && error.refusal.deletedAt !== undefined;
      if (error && mutationId !== undefined && !isGone)
        reject(
          unavailable(`${live.id}: the change was lost before it was committed; send it again under its mutationId`),
        );
      else if (error) reject(error);
      else resolve();
    };
    const giveUp = (message: string): void => {
      for (const stop of stops) stop();
      reject(unavailable(message));
    };
    const abort = (): void => giveUp('the caller has disconnected');
    const late = (): void =>
      giveUp(`${live.id}: version ${version} is accepted, but was not committed within ${timeoutMs} ms; ask again`);
    signal?.addEventListener('abort', abort, { once: true });
    stops.push(
      () => signal?.removeEventListener('abort', abort),
      clock.after(timeoutMs, late),
      live.watermark.wait(version, settle),
    );
    // Settled during `wait`: the stops were not complete yet.
    if (live.watermark.version >= version) for (const stop of stops) stop();
  });
}
