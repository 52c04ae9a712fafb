import type { AnalyticsStore } from '../../core/analytics/analytics-store.ts';
import { asError } from '../../core/errors.ts';
import { treeOf } from '../../core/stream/apply.ts';
import { holdingLines } from '../../core/targeting/held-places.ts';
import type { HeldLine, HeldPlaceStore } from '../../core/targeting/held-place-store.ts';
import { hasTargeting, readTargeting, type Targeting } from '../../core/targeting/targeting.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { EngineObserver } from '../observer.ts';
import type { Archive, Clock } from '../ports.ts';

export interface UpkeepOptions {
  readonly store: AnalyticsStore & HeldPlaceStore;
  readonly archive: Pick<Archive, 'load'>;
  readonly hosting: Pick<CampaignHost, 'loaded' | 'viewers'>;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  /** Milliseconds that units are kept after their rule has ended. */
  readonly keepUnitsMs: number;
  /** Milliseconds that minutes are kept. */
  readonly keepMinutesMs: number;
}

/** What runs beside the events. */
export interface AnalyticsUpkeep {
  /** Removes what was kept for long enough. Safe on several instances at once. */
  sweep(): Promise<void>;
  /** Notes how many watch each campaign that has rules, at the end of a minute. */
  sampleViewers(): Promise<void>;
  stop(): Promise<void>;
}

const MINUTE_MS = 60_000;
const SWEEP_MS = 60 * 60_000;
/** Reports of what was painted say how a change spread: they are of interest for a day. */
const KEEP_PAINTS_MS = 24 * 60 * 60_000;

export function startAnalyticsUpkeep(options: UpkeepOptions): AnalyticsUpkeep {
  const { store, archive, hosting, clock, observer } = options;
  const instance = clock.token();
  const timers = new Set<() => void>();
  let working: Promise<void> = Promise.resolve();
  let stopped = false;

  /** Reads the targeting of campaigns as they are stored, each once. */
  const targetingReader = (): ((campaignId: string) => Promise<Targeting | undefined>) => {
    const known = new Map<string, Targeting | undefined>();
    return async (campaignId) => {
      if (!known.has(campaignId)) {
        const campaign = await archive.load(campaignId, 1);
        known.set(campaignId, campaign && readTargeting(campaign.state));
      }
      return known.get(campaignId);
    };
  };

  /**
   * Erases the places of lines that no rule has had for as long as units are kept: until then a rule that is brought
   * back finds them, and what was shown by them can be explained.
   */
  const sweepPlaces = async (targetingOf: ReturnType<typeof targetingReader>): Promise<void> => {
    const now = clock.now();
    const changed: HeldLine[] = [];
    for (const { campaignId, line, endedAt } of await store.listHeldLines()) {
      const targeting = await targetingOf(campaignId);
      const rules = targeting?.rules.filter(({ status }) => status !== 'ended') ?? [];
      const isUsed = targeting !== undefined && holdingLines({ ...targeting, rules }).has(line);
      if (isUsed !== (endedAt === undefined)) changed.push({ campaignId, line, endedAt: isUsed ? undefined : now });
    }
    await store.markHeldLines(changed);
    await store.sweepHeldPlaces(now - options.keepUnitsMs);
  };

  const sweep = async (): Promise<void> => {
    const now = clock.now();
    const targetingOf = targetingReader();
    const changed: Parameters<AnalyticsStore['markPhases']>[0][number][] = [];
    for (const { endedAt, ...key } of await store.listPhases()) {
      const { campaignId, rule: name, phase } = key;
      const rule = (await targetingOf(campaignId))?.rules.find((one) => one.key === name);
      const runs = rule !== undefined && rule.phase === phase && rule.status !== 'ended';
      // Its end is when it was first found to have ended: an hour later than it was, at most.
      if (runs !== (endedAt === undefined)) changed.push({ ...key, endedAt: runs ? undefined : now });
    }
    await store.markPhases(changed);
    const removed = await store.sweepAnalytics({
      now,
      unitsBefore: now - options.keepUnitsMs,
      minutesBefore: now - options.keepMinutesMs,
      paintsBefore: now - KEEP_PAINTS_MS,
    });
    await sweepPlaces(targetingOf);
    observer.analyticsSwept?.(removed);
  };

  const sampleViewers = async (): Promise<void> => {
    // It has just ended.
    const minute = clock.now() - (clock.now() % MINUTE_MS) - MINUTE_MS;
    const counts = [...hosting.loaded()]
      .filter(({ live }) => hosting.viewers(live.id) > 0 && hasTargeting(treeOf(live.content)))
      .map(({ live }) => {
        const { epoch, version } = live.head;
        return { campaignId: live.id, minute, instance, epoch, version, viewers: hosting.viewers(live.id) };
      });
    await store.recordViewers(counts);
  };

  const every = (what: string, delay: () => number, run: () => Promise<void>): void => {
    const again = (): void => {
      const cancel = clock.after(delay(), () => {
        timers.delete(cancel);
        working = working
          .then(run)
          .catch((error: unknown) => observer.failed?.({ what, error: asError(error) }))
          .then(() => (stopped ? undefined : again()));
      });
      timers.add(cancel);
    };
    again();
  };

  // Not all instances at once, and not at the moment of a start.
  every('retention of analytics', () => SWEEP_MS * (0.5 + clock.random() / 2), sweep);
  every('viewers of the timeline', () => MINUTE_MS - (clock.now() % MINUTE_MS), sampleViewers);

  return {
    sweep,
    sampleViewers,
    async stop() {
      stopped = true;
      for (const cancel of timers) cancel();
      await working;
    },
  };
}
