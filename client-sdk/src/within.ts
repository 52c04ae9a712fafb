import { systemClock, type Clock } from './clock.ts';
import { CampaignError } from './errors.ts';

/** How long an answer is waited for. */
export interface WaitOptions {
  /** Aborts the waiting: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** After how long it is given up, in milliseconds; `Infinity`: never. Default 30,000. */
  readonly timeout?: number | undefined;
}

const TIMEOUT_MS = 30_000;

/**
 * A promise of the SDK with a bound: of an edit, for example, which itself waits for the connection as long as it
 * takes. Whatever is waited for goes on.
 *
 * @throws CampaignError `UNAVAILABLE` after `timeout` (default 30,000 ms), or `signal.reason`
 * @example await within(campaign.update({ title: 'New' }).durable, { timeout: 5_000 });
 */
export function within<T>(promise: PromiseLike<T>, options: WaitOptions = {}): Promise<T> {
  return bounded(() => promise, options, systemClock);
}

/**
 * Carries out a task that ends in time.
 *
 * @param task is given a signal that is aborted when nobody waits for it any more, whatever the reason
 * @param causeOf why there is no answer, where that is known
 */
export async function bounded<T>(
  task: (ended: AbortSignal) => PromiseLike<T>,
  { signal, timeout = TIMEOUT_MS }: WaitOptions,
  clock: Pick<Clock, 'after'>,
  causeOf: () => Error | undefined = () => undefined,
): Promise<T> {
  const end = new AbortController();
  let cancel = () => {};
  try {
    return await new Promise<T>((resolve, reject) => {
      const abort = () => reject(signal?.reason);
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { signal: end.signal });
      if (timeout < Infinity) cancel = clock.after(timeout, () => reject(lateError(timeout, causeOf())));
      task(end.signal).then(resolve, reject);
    });
  } finally {
    cancel();
    end.abort();
  }
}

function lateError(timeout: number, cause: Error | undefined): CampaignError {
  const message = `There was no answer within ${timeout} ms${cause ? `: ${cause.message}` : ''}`;
  return new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }, { cause });
}
