import type { EngineObserver } from '../observer.ts';
import type { TrafficStats } from '../service.ts';

/** Counts what an engine does, for its statistics, on the way to its observer. */
export interface Traffic {
  readonly observer: EngineObserver;
  readonly stats: TrafficStats;
}

export function countTraffic(observer: EngineObserver): Traffic {
  const stats = { mutations: 0, deliveries: 0, resumes: 0, snapshots: 0, slowReaders: 0 };
  return {
    stats,
    observer: {
      ...observer,
      mutation(event) {
        stats.mutations += 1;
        observer.mutation?.(event);
      },
      delivered(entries, readers) {
        stats.deliveries += readers;
        observer.delivered?.(entries, readers);
      },
      joined(outcome) {
        if (outcome === 'entries') stats.resumes += 1;
        else stats.snapshots += 1;
        observer.joined?.(outcome);
      },
      dropped() {
        stats.slowReaders += 1;
        observer.dropped?.();
      },
    },
  };
}
