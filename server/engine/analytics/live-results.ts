import type { RuleResults } from '../../core/analytics/results.ts';
import { isRetryable, RefusalError } from '../../core/errors.ts';
import type { Identity } from '../../core/permissions.ts';
import { deferredIterator } from '../calls/deferred-iterator.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { Clock } from '../ports.ts';
import type { Caller, Reader } from '../service.ts';
import { RightsWatch } from '../streams/rights-watch.ts';

/** The rule whose results are watched; without a phase, whichever is the present one. */
export interface WatchedRule {
  readonly campaignId: string;
  readonly rule: string;
  readonly phase?: number | undefined;
}

/** Results for those who watch them. All who watch one rule share its computation. */
export interface LiveResults {
  watch(
    caller: Caller,
    reader: Reader,
    open: () => Promise<LoadedCampaign>,
    watched: WatchedRule,
  ): AsyncIterableIterator<RuleResults>;
  /** Whether anybody watches results of that campaign. */
  isWatched(campaignId: string): boolean;
  stop(): void;
}

export interface LiveResultsOptions {
  readonly clock: Clock;
  /** @throws RefusalError where the identity may not see results */
  demand(identity: Identity, campaign: LoadedCampaign): void;
  compute(campaign: LoadedCampaign, watched: WatchedRule): Promise<RuleResults>;
}

/** The least time between two results, in milliseconds. */
const INTERVAL_MS = 1_000;
/** Results are computed for a tenth of the time at most: those of a million units take seconds. */
const REST = 10;

interface Feed {
  readonly campaignId: string;
  readonly listeners: Set<() => void>;
  latest: { readonly text: string; readonly results: RuleResults } | undefined;
  failure: unknown;
  stop(): void;
}

export function createLiveResults({ clock, demand, compute }: LiveResultsOptions): LiveResults {
  const feeds = new Map<string, Feed>();
  let stopped = false;

  /** Events may come through any instance: the rows are looked at again and again. */
  const start = (campaign: LoadedCampaign, watched: WatchedRule, key: string): Feed => {
    let cancel: (() => void) | undefined;
    const feed: Feed = {
      campaignId: watched.campaignId,
      listeners: new Set(),
      latest: undefined,
      failure: undefined,
      stop() {
        feeds.delete(key);
        cancel?.();
        for (const listener of feed.listeners) listener();
      },
    };
    const look = async (): Promise<void> => {
      const startedAt = clock.now();
      try {
        const results = await compute(campaign, watched);
        const text = JSON.stringify(results);
        if (text !== feed.latest?.text) feed.latest = { text, results };
      } catch (error) {
        // What passes by itself ends no stream: the next look may have more to say.
        if (!(error instanceof RefusalError && isRetryable(error.refusal))) feed.failure = error;
      }
      for (const listener of feed.listeners) listener();
      if (feed.failure !== undefined || feeds.get(key) !== feed) return feed.stop();
      cancel = clock.after(Math.max(INTERVAL_MS, (clock.now() - startedAt) * REST), () => void look());
    };
    feeds.set(key, feed);
    void look();
    return feed;
  };

  const openFeed = async (
    { signal }: Caller,
    reader: Reader,
    opening: Promise<LoadedCampaign>,
    watched: WatchedRule,
  ): Promise<AsyncIterableIterator<RuleResults>> => {
    const campaign = await opening;
    const key = JSON.stringify([watched.campaignId, watched.rule, watched.phase]);
    const feed = feeds.get(key) ?? start(campaign, watched, key);
    let told: string | undefined;
    let wakeUp: (() => void) | undefined;
    let ended = stopped;
    const wake = (): void => wakeUp?.();
    const rightsWatch = new RightsWatch(reader, clock, wake);
    feed.listeners.add(wake);
    const close = (): void => {
      if (ended) return;
      ended = true;
      rightsWatch.stop();
      signal?.removeEventListener('abort', close);
      feed.listeners.delete(wake);
      if (feed.listeners.size === 0) feed.stop();
      wake();
    };
    signal?.addEventListener('abort', close, { once: true });
    if (signal?.aborted === true) close();

    const iterator: AsyncIterableIterator<RuleResults> = {
      async next() {
        while (!ended) {
          try {
            demand(reader.identity(), campaign);
            if (feed.failure !== undefined) throw feed.failure;
          } catch (error) {
            close();
            throw error;
          }
          if (feed.latest && feed.latest.text !== told) {
            told = feed.latest.text;
            return { done: false, value: feed.latest.results };
          }
          if (stopped) close();
          else
            await new Promise<void>((resolve) => {
              wakeUp = resolve;
            });
        }
        return { done: true, value: undefined };
      },
      return() {
        close();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  };

  return {
    watch: (caller, reader, open, watched) =>
      deferredIterator(openFeed(caller, reader, open(), watched), caller.signal),
    isWatched: (campaignId) => [...feeds.values()].some((feed) => feed.campaignId === campaignId),
    stop() {
      stopped = true;
      for (const feed of feeds.values()) feed.stop();
    },
  };
}
