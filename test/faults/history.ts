import type { Fork } from '../../server/core/stream/position.ts';

/** The timelines of one campaign, from its lineage in Postgres at the end; written anew, not taken from the service. */
export interface History {
  /**
   * The epoch in which that version of that epoch's timeline was made: it may have been inherited. `undefined`: the
   * epoch is unknown.
   */
  owner(epoch: string, version: number): string | undefined;
  /** Whether that version of that epoch is on the current timeline at the end. */
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
