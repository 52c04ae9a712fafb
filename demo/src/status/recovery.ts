import type { ConnectionStatus } from '@campaign-state/client';

/** The story of one lost connection, from the last version that was seen before it. */
export type Recovery =
  | { phase: 'none' }
  | { phase: 'lost'; since: number; version: number }
  | { phase: 'back'; took: number; from: number; version: number };

export type RecoveryEvent =
  | { type: 'connection'; status: ConnectionStatus; version: number; at: number }
  | { type: 'caught-up'; version: number }
  | { type: 'told' };

export function reduceRecovery(recovery: Recovery, event: RecoveryEvent): Recovery {
  switch (event.type) {
    case 'connection':
      if (event.status === 'connected') {
        return recovery.phase === 'lost'
          ? { phase: 'back', took: event.at - recovery.since, from: recovery.version, version: event.version }
          : recovery;
      }
      if (event.status !== 'reconnecting' && event.status !== 'offline') return recovery;
      // Without a version nothing was seen yet, and nothing can have been missed.
      return recovery.phase === 'lost' || event.version === 0
        ? recovery
        : { phase: 'lost', since: event.at, version: event.version };
    case 'caught-up':
      return recovery.phase === 'back' ? { ...recovery, version: event.version } : recovery;
    case 'told':
      return recovery.phase === 'back' ? { phase: 'none' } : recovery;
  }
}
