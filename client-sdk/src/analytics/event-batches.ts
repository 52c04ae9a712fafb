import type { AnalyticsEvent } from '../../../server/core/analytics/analytics-event.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { Clock } from '../clock.ts';
import type { DeviceStorage } from '../device/device-storage.ts';
import { readFailure } from '../errors.ts';
import { retryDelay } from '../link/backoff.ts';

/** Events of one viewer of one campaign, that are sent together. */
export interface EventBatch {
  readonly campaignId: string;
  /** The same however often it is sent. */
  readonly batchId: string;
  readonly viewer?: Viewer;
  readonly events: AnalyticsEvent[];
}

export interface EventBatchesOptions {
  readonly clock: Clock;
  /** Sends a batch; resolves once it is durable. Aborted: it is not sent any more, where it was not yet. */
  readonly send: (batch: EventBatch, signal: AbortSignal) => Promise<unknown>;
  /** Whether nothing can be sent any more: what waits stays on the device. */
  readonly isClosed: () => boolean;
  /** Where batches wait that are not acknowledged; `undefined`: in the page alone. */
  readonly storage: Promise<DeviceStorage<EventBatch> | undefined>;
  /** Called with batches that will never be counted, and why. */
  readonly onDropped: (batch: EventBatch, reason: unknown) => void;
}

/** Batches on their way to the server: an outbox of events. */
export interface EventBatches {
  add(campaignId: string, viewer: Viewer | undefined, event: AnalyticsEvent): void;
  /** Sends what waits; resolves once it is acknowledged, or kept for later. */
  flush(): Promise<void>;
  /** Batches that are not acknowledged, the open one of each viewer included. */
  pending(): readonly EventBatch[];
  /**
   * Forgets everything, also what earlier pages and other tabs have left on the device.
   *
   * @returns once the device has; rejects where it does not
   */
  clear(): Promise<void>;
  stop(): void;
}

/** How long events wait for others, in milliseconds. */
const FLUSH_MS = 1_000;
/** Events in a batch: what a beacon carries, with room to spare. */
const BATCH_EVENTS = 100;
/** Batches that are kept, the newest: of a page that was offline for long, or of as many viewers of a service. */
const MAX_BATCHES = 1_000;

export function createEventBatches({ clock, send, isClosed, storage, onDropped }: EventBatchesOptions): EventBatches {
  /** Open batches, by campaign and viewer. */
  const open = new Map<string, EventBatch>();
  /** Closed ones, in order. */
  const waiting = new Map<string, EventBatch>();
  let attempt = 0;
  let cancelTimer: (() => void) | undefined;
  let sending: Promise<void> | undefined;
  let stopped = false;
  /** Aborted once everything is forgotten: what is being sent, or read from the device, is of before. */
  let forgetting = new AbortController();
  /** What is on its way to the device, or from it. */
  const underWay = new Set<Promise<unknown>>();

  const onDevice = (use: (kept: DeviceStorage<EventBatch>) => Promise<unknown>): void => {
    // What is not stored waits in the page.
    const done = storage.then((kept) => kept && use(kept)).catch(() => undefined);
    underWay.add(done);
    void done.then(() => underWay.delete(done));
  };

  const isPending = (batchId: string): boolean =>
    waiting.has(batchId) || [...open.values()].some((batch) => batch.batchId === batchId);

  const forget = ({ batchId }: EventBatch): void => {
    waiting.delete(batchId);
    onDevice((kept) => kept.remove(batchId));
  };

  const close = (key: string, batch: EventBatch): void => {
    open.delete(key);
    waiting.set(batch.batchId, batch);
    const [oldest] = waiting.values();
    if (waiting.size <= MAX_BATCHES || !oldest) return;
    forget(oldest);
    onDropped(oldest, new Error(`more than ${MAX_BATCHES} batches wait`));
  };

  const later = (milliseconds: number): void => {
    cancelTimer?.();
    if (stopped) return;
    cancelTimer = clock.after(milliseconds, () => {
      cancelTimer = undefined;
      void flush();
    });
  };

  /** Sends the closed batches, the oldest first. The first that cannot be sent now makes all of them wait. */
  const sendAll = async (): Promise<void> => {
    const { signal } = forgetting;
    for (const batch of waiting.values()) {
      try {
        await send(batch, signal);
      } catch (thrown) {
        if (isClosed() || signal.aborted) return;
        const { error } = readFailure(thrown);
        if (error.retryable || error.reason === 'UNAUTHORIZED') {
          later(error.retryAfterMs ?? retryDelay((attempt += 1), clock.random()));
          return;
        }
        onDropped(batch, error);
      }
      attempt = 0;
      forget(batch);
    }
  };

  function flush(): Promise<void> {
    for (const [key, batch] of open) close(key, batch);
    sending ??= sendAll().finally(() => {
      sending = undefined;
      // What came meanwhile has set no timer.
      if (cancelTimer === undefined && waiting.size + open.size > 0 && !isClosed()) later(0);
    });
    return sending;
  }

  const { signal: isForgotten } = forgetting;
  onDevice(async (kept) => {
    const earlier = await kept.entries();
    if (isForgotten.aborted) return;
    // Those of an earlier page. Another tab may send them too: they count once.
    for (const [, batch] of earlier) if (!waiting.has(batch.batchId)) waiting.set(batch.batchId, batch);
    if (waiting.size > 0 && !stopped) later(0);
  });

  return {
    add(campaignId, viewer, event) {
      const key = JSON.stringify([campaignId, viewer]);
      const batch = open.get(key) ?? { campaignId, batchId: clock.id(), ...(viewer && { viewer }), events: [] };
      batch.events.push(event);
      open.set(key, batch);
      onDevice((kept) => kept.set(batch.batchId, batch));
      if (batch.events.length >= BATCH_EVENTS) close(key, batch);
      if (cancelTimer === undefined && sending === undefined) later(FLUSH_MS);
    },
    flush,
    pending: () => [...waiting.values(), ...open.values()],
    async clear() {
      forgetting.abort();
      forgetting = new AbortController();
      waiting.clear();
      open.clear();
      const kept = await storage.catch(() => undefined);
      if (!kept) return;
      // What is being written now would come after what is removed.
      await Promise.all(underWay);
      const keys = (await kept.entries()).map(([key]) => key);
      // What has been added since is of a new consent.
      await Promise.all(keys.filter((key) => !isPending(key)).map((key) => kept.remove(key)));
    },
    stop() {
      stopped = true;
      cancelTimer?.();
    },
  };
}
