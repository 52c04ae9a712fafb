import { formatResumeId, joining, step, type Cursor } from '../core/cursor.ts';
import type { Entry } from '../core/entry.ts';
import { CampaignError } from '../core/errors.ts';
import { can, type Identity } from '../core/permissions.ts';
import { projectEntry, projectState, viewFor, viewKey, type View } from '../core/views.ts';
import { isPublished, type LiveCampaign } from './live-campaign.ts';
import type { EngineObserver } from './observer.ts';
import type { Clock } from './ports.ts';
import type { Reader, ResumableEvent, WatchOptions } from './service.ts';

/** Everyone who watches one campaign on this instance. */
export interface FanOut {
  /** Something changed: whoever waits looks. What changes within one turn of the event loop is looked at once. */
  notify(): void;
  /** The line broke; these acknowledged mutations are known not to have survived. */
  reset(lost: readonly string[]): void;
  readonly size: number;
  subscribe(options: SubscriptionOptions): AsyncIterableIterator<ResumableEvent>;
}

export interface FanOutOptions {
  clock: Clock;
  observer: EngineObserver;
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`. */
  buffer: number;
  /** What callers without a token see. */
  publicView: View;
}

export interface SubscriptionOptions extends Omit<WatchOptions, 'campaignId'> {
  reader: Reader;
  signal?: AbortSignal | undefined;
}

/** A reader counts as slow, and is sent nothing, while its socket holds more than this unsent. */
const CONGESTED_BYTES = 256 * 1024;
/** How often a congested socket is looked at: `ws` tells nobody when it has drained. */
const DRAIN_POLL_MS = 25;

const DONE: IteratorResult<ResumableEvent> = { done: true, value: undefined };

export function createFanOut(live: LiveCampaign, options: FanOutOptions): FanOut {
  const wakers = new Set<() => void>();
  let lost: readonly string[] = [];

  return {
    notify() {
      for (const wake of wakers) wake();
    },
    reset(mutationIds) {
      lost = mutationIds;
      for (const wake of wakers) wake();
    },
    get size() {
      return wakers.size;
    },
    subscribe(subscription) {
      return openSubscription(live, subscription, options, wakers, () => lost);
    },
  };
}

/**
 * One subscription, pulled by its reader: between two pulls nothing is queued for it; what it missed is in the campaign's ring. The
 * iterator is written by hand because a generator that waits inside of an `await` cannot be ended from outside, and would leak.
 */
function openSubscription(
  live: LiveCampaign,
  { reader, signal, lastEventId, receipts = false }: SubscriptionOptions,
  { clock, observer, buffer, publicView }: FanOutOptions,
  wakers: Set<() => void>,
  lost: () => readonly string[],
): AsyncIterableIterator<ResumableEvent> {
  let view = viewFor(reader.identity(), publicView);
  let cursor: Cursor = joining(lastEventId, viewKey(view));
  let lagging = false;
  let wakeUp: (() => void) | undefined;
  let cancelExpiry = (): void => undefined;

  const wake = (): void => wakeUp?.();

  const close = (): void => {
    if (cursor.phase === 'closed') return;
    cursor = { phase: 'closed' };
    wakers.delete(wake);
    signal?.removeEventListener('abort', close);
    stopIdentity();
    cancelExpiry();
    wake();
  };

  const watchExpiry = (): void => {
    cancelExpiry();
    const { expiresAt } = reader.identity();
    // Timers hold 31 bits; who is valid for longer is looked at again then.
    if (expiresAt !== undefined) cancelExpiry = clock.after(Math.min(Math.max(0, expiresAt - clock.now()), 2 ** 31 - 1), onIdentity);
  };

  const onIdentity = (): void => {
    watchExpiry();
    wake();
  };

  /** Rights are looked at before every event: they may have been replaced, have run out, or the campaign may be a draft again. */
  const authorise = (): void => {
    const identity = reader.identity();
    const refusal = refuseReader(identity, live, clock.now());
    if (refusal) throw refusal;
    const now = viewFor(identity, publicView);
    if (viewKey(now) !== viewKey(view)) cursor = { phase: 'joining', reason: 'view' };
    view = now;
  };

  const nextEvent = (): ResumableEvent | undefined => {
    authorise();
    const joins = cursor.phase === 'joining';
    const taken = step(
      cursor,
      {
        epoch: live.head.epoch,
        version: live.head.version,
        lineage: live.lineage,
        ringFloor: live.ring.floor,
        durableVersion: live.watermark.version,
      },
      { lagging, buffer, receipts },
    );
    cursor = taken.cursor;
    // Whatever comes of it, nothing is missing now.
    lagging = false;
    if (taken.kind === 'idle') return undefined;
    const { epoch, version } = live.head;
    const resumeId = formatResumeId(epoch, version, viewKey(view));
    if (taken.kind === 'durable') {
      return { resumeId, event: { type: 'durable', position: `${epoch}:${taken.version}` } };
    }
    if (joins) observer.joined?.(taken.kind === 'entries' ? 'entries' : taken.reason);
    if (taken.kind === 'entries') {
      const entries: Entry[] = live.ring.after(taken.after) ?? [];
      observer.delivered?.(entries.length);
      return { resumeId, event: { type: 'entries', epoch, entries: entries.map((entry) => projectEntry(view, entry)) } };
    }
    if (taken.reason === 'slow') observer.dropped?.();
    observer.delivered?.(1);
    const { state, archivedAt } = live.content;
    const lostIds = taken.reason === 'reset' ? lost() : [];
    return {
      resumeId,
      event: {
        type: 'snapshot',
        position: `${epoch}:${version}`,
        durableVersion: live.watermark.version,
        state: projectState(view, state),
        reason: taken.reason,
        ...(archivedAt !== undefined && { archivedAt }),
        ...(lostIds.length > 0 && view.kind === 'full' && { lost: [...lostIds] }),
      },
    };
  };

  const waitForChange = (): Promise<void> =>
    new Promise((resolve) => {
      wakeUp = () => {
        wakeUp = undefined;
        resolve();
      };
    });

  /** Only the socket, or the end, matters now: what changes meanwhile is read from the ring when it has drained. */
  const waitForDrain = (): Promise<void> => {
    lagging = true;
    return new Promise((resolve) => {
      const look = (): void => {
        if (cursor.phase !== 'closed' && reader.bufferedBytes() > CONGESTED_BYTES) {
          cancel = clock.after(DRAIN_POLL_MS, look);
          return;
        }
        wakeUp = undefined;
        cancel();
        resolve();
      };
      let cancel = clock.after(DRAIN_POLL_MS, look);
      wakeUp = () => {
        if (cursor.phase === 'closed') look();
      };
    });
  };

  const next = async (): Promise<IteratorResult<ResumableEvent>> => {
    try {
      while (cursor.phase !== 'closed') {
        if (reader.bufferedBytes() > CONGESTED_BYTES) {
          await waitForDrain();
          continue;
        }
        const event = nextEvent();
        if (event) return { done: false, value: event };
        await waitForChange();
      }
      return DONE;
    } catch (error) {
      close();
      throw error;
    }
  };

  wakers.add(wake);
  const stopIdentity = reader.onIdentity(onIdentity);
  signal?.addEventListener('abort', close, { once: true });
  watchExpiry();
  if (signal?.aborted === true) close();

  const iterator: AsyncIterableIterator<ResumableEvent> = {
    next,
    return() {
      close();
      return Promise.resolve(DONE);
    },
    throw(error) {
      close();
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function refuseReader(identity: Identity, live: LiveCampaign, now: number): CampaignError | undefined {
  if (identity.expiresAt !== undefined && identity.expiresAt <= now) {
    return new CampaignError('UNAUTHORIZED', 'the token has expired; authenticate again');
  }
  if (can(identity, 'read', live.id, isPublished(live.content))) return undefined;
  return identity.anonymous === true
    ? new CampaignError('NOT_FOUND', `campaignId: there is no campaign ${live.id}`, { path: ['campaignId'] })
    : new CampaignError('FORBIDDEN', `campaignId: your token gives no right to read ${live.id}`, { path: ['campaignId'] });
}
