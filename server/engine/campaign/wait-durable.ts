import { RefusalError } from '../../core/errors.ts';
import type { LiveCampaign } from './live-campaign.ts';
import type { Clock } from '../ports.ts';

export interface WaitDurableOptions {
  clock: Clock;
  /** How long to wait, in milliseconds: the archive may be away for longer than a caller wants to hear nothing. */
  patience: number;
  signal?: AbortSignal | undefined;
  mutationId?: string | undefined;
}

/**
 * Resolves once that version is committed; `UNAVAILABLE` (ask again) when that takes too long or the caller has gone.
 */
export function waitDurable(live: LiveCampaign, version: number, options: WaitDurableOptions): Promise<void> {
  const { clock, patience, signal, mutationId } = options;
  const unavailable = (message: string): RefusalError =>
    new RefusalError('UNAVAILABLE', message, { retryAfterMs: 1_000, ...(mutationId !== undefined && { mutationId }) });

  // An aborted signal calls nobody back.
  if (signal?.aborted === true) return Promise.reject(unavailable('the caller went away'));
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const settle = (error?: Error): void => {
      for (const stop of stops) stop();
      // Whoever asks about a position hears that it is gone; whoever wants a change made can have it made again.
      if (error && mutationId !== undefined)
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
    const abort = (): void => giveUp('the caller went away');
    const late = (): void =>
      giveUp(`${live.id}: version ${version} is accepted, but was not committed within ${patience} ms; ask again`);
    signal?.addEventListener('abort', abort, { once: true });
    stops.push(
      () => signal?.removeEventListener('abort', abort),
      clock.after(patience, late),
      live.watermark.wait(version, settle),
    );
    // Settled during `wait`: the stops were not all there yet.
    if (live.watermark.version >= version) for (const stop of stops) stop();
  });
}
