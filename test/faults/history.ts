import type { Fork } from '../../server/core/stream/position.ts';

/** The lines of one campaign's epochs, as Postgres tells them in the end; written anew, not taken from the service. */
export interface History {
  /**
   * The epoch in which that version of that epoch's line was made: it may have been inherited. `undefined`: nobody
   * knows that epoch.
   */
  owner(epoch: string, version: number): string | undefined;
  /** Whether that version of that epoch is on the line that there is in the end. */
  survives(epoch: string, version: number): boolean;
}

export function createHistory(head: { epoch: string; version: number }, lineage: readonly Fork[]): History {
  const forks = new Map(lineage.map((fork) => [fork.epoch, fork]));
  const roots = new Set([head.epoch, ...lineage.map(({ parent }) => parent)]);

  const owner = (epoch: string, version: number): string | undefined => {
    for (let at = epoch; ;) {
      const fork = forks.get(at);
      if (!fork) return roots.has(at) ? at : undefined;
      if (version > fork.fromVersion) return at;
      at = fork.parent;
    }
  };

  return {
    owner,
    survives: (epoch, version) => {
      const made = owner(epoch, version);
      return made !== undefined && version <= head.version && made === owner(head.epoch, version);
    },
  };
}
