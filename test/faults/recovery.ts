import { setTimeout as pause } from 'node:timers/promises';
import type { Actor } from './actor.ts';
import type { Journal } from './journal.ts';

/** How long after the end of a fault everything worked again, in milliseconds. */
export interface Recovery {
  /** Until every campaign had taken a change that was sent since. */
  campaigns: number;
  /** Until every client had such a change taken; includes the pause that clients make between two. */
  clients: number;
}

export interface RecoveryOptions {
  journal: Journal;
  actors: readonly Actor[];
  campaigns: readonly string[];
  timeoutMs: number;
}

/** Waits until every campaign and every client works again; throws where that takes longer than the timeout. */
export async function recovery({ journal, actors, campaigns, timeoutMs }: RecoveryOptions): Promise<Recovery> {
  const since = journal.now();
  const sent = new Set<string>();
  const idle = new Set(actors.map(({ name }) => name));
  const shut = new Set(campaigns);
  const took: Recovery = { campaigns: 0, clients: 0 };
  for (let next = journal.lines.length; idle.size > 0 || shut.size > 0;) {
    await pause(20);
    for (; next < journal.lines.length; next += 1) {
      const line = journal.lines[next];
      if (line?.kind === 'sent') sent.add(line.mutationId);
      if (line?.kind !== 'answered' || !sent.has(line.mutationId)) continue;
      if (shut.delete(line.campaignId)) took.campaigns = line.at - since;
      if (idle.delete(line.client)) took.clients = line.at - since;
    }
    if (journal.now() - since > timeoutMs) {
      throw new Error(
        `${timeoutMs / 1_000} s after the last fault there is still no answer for ${[...idle, ...shut].join(', ')}`,
      );
    }
  }
  return took;
}
