import type { Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import type { Readable } from '../types.ts';
import { openLiveStream, type StreamClient, type Subscribe } from './live-stream.ts';
import { writable } from '../observable-value.ts';
import { storeWhileNeeded } from './store-while-needed.ts';

export interface StreamStoreOptions<T, E> {
  readonly client: StreamClient;
  readonly subscribe: Subscribe<E>;
  /** The value before the first event, and beside an error. */
  readonly nothing: T;
  readonly reduce: (before: T, event: E) => T;
  /** The stream was interrupted, or has ended. */
  readonly onInterrupted?: () => void;
  readonly clock: Pick<Clock, 'after' | 'random'>;
  /** How long the stream stays after the last subscriber has left, in milliseconds. */
  readonly lingerMs: number;
}

/** What one stream of the server's comes to: one stream for all who read it, open while anyone does. */
export function createStreamStore<T extends { readonly error: CampaignError | undefined }, E>({
  client,
  subscribe,
  nothing,
  reduce,
  onInterrupted = () => {},
  clock,
  lingerMs,
}: StreamStoreOptions<T, E>): Readable<T> {
  const shown = writable(nothing);
  let stopStream = () => {};
  let stopRenewals = () => {};

  function open(): void {
    stopStream();
    stopStream = openLiveStream(
      client,
      subscribe,
      {
        onEvent: (event) => shown.set(reduce(shown.getSnapshot(), event)),
        onFailure(error, isRetried) {
          onInterrupted();
          if (!isRetried) shown.set({ ...nothing, error });
        },
      },
      clock,
    );
  }

  return storeWhileNeeded(
    shown,
    {
      start() {
        open();
        // With other rights it may be readable.
        stopRenewals = client.onRenewed(() => shown.getSnapshot().error && open());
      },
      stop() {
        stopStream();
        stopRenewals();
        onInterrupted();
        shown.set(nothing);
      },
    },
    clock,
    lingerMs,
  );
}

/** Remembers one store for each client and campaign. */
export function perCampaign<S>(): (client: object, campaignId: string, create: () => S) => S {
  const known = new WeakMap<object, Map<string, S>>();
  return (client, campaignId, create) => {
    const ofClient = known.get(client) ?? new Map<string, S>();
    known.set(client, ofClient);
    const store = ofClient.get(campaignId) ?? create();
    ofClient.set(campaignId, store);
    return store;
  };
}
