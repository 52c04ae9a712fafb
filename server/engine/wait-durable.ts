import { CampaignError } from '../core/errors.ts';
import type { LiveCampaign } from './live-campaign.ts';
import type { Clock } from './ports.ts';

export interface WaitDurableOptions {
  clock: Clock;
  /** How long to wait, in milliseconds: the archive may be away for longer than a caller wants to hear nothing. */
  patience: number;
  signal?: AbortSignal | undefined;
  mutationId?: string | undefined;
}

/** Resolves once that version is committed; `UNAVAILABLE` (ask again) when that takes too long or the caller has gone. */
export function waitDurable(live: LiveCampaign, version: number, options: WaitDurableOptions): Promise<void> {
  const { clock, patience, signal, mutationId } = options;
  const unavailable = (message: string): CampaignError =>
    new CampaignError('UNAVAILABLE', message, { retryAfterMs: 1_000, ...(mutationId !== undefined && { mutationId }) });

  // An aborted signal calls nobody back.
  if (signal?.aborted === true) return Promise.reject(unavailable('the caller went away'));
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const settle = (error?: Error): void => {
      for (const stop of stops) stop();
      if (error) reject(error);
      else resolve();
    };
    const abort = (): void => settle(unavailable('the caller went away'));
    const late = (): void => {
      settle(unavailable(`${live.id}: version ${version} is accepted, but was not committed within ${patience} ms; ask again`));
    };
    signal?.addEventListener('abort', abort, { once: true });
    stops.push(() => signal?.removeEventListener('abort', abort), clock.after(patience, late), live.watermark.wait(version, settle));
    // Settled during `wait`: the stops were not all there yet.
    if (live.watermark.version >= version) for (const stop of stops) stop();
  });
}
