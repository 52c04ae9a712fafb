import type { RelayedPresence } from '../../core/presence/presence.ts';
import type { PresenceSource } from './presence-room.ts';

/** What a relay has been told. */
export interface RelayedState {
  /** The text of each source. */
  readonly texts: ReadonlyMap<string, string>;
  readonly viewers: number;
}

/**
 * What a relay is to be told next, given what it has been told: all of it first, then what has changed. Those who are
 * connected to it, or to relays behind it, it knows itself.
 *
 * @returns the event, or `undefined` where nothing has changed for it
 */
export function relayedAfter(
  told: RelayedState | undefined,
  sources: ReadonlyMap<string, PresenceSource>,
  relay: object,
  viewers: number,
): { readonly state: RelayedState; readonly event: RelayedPresence | undefined } {
  const others = [...sources].filter(([, { via }]) => via !== relay);
  const state = { texts: new Map(others.map(([source, { text }]) => [source, text])), viewers };
  if (!told) return { state, event: { type: 'all', said: [...state.texts], gone: [], viewers } };
  const said = [...state.texts].filter(([source, text]) => told.texts.get(source) !== text);
  const gone = [...told.texts.keys()].filter((source) => !state.texts.has(source));
  const isSame = said.length === 0 && gone.length === 0 && viewers === told.viewers;
  return { state, event: isSame ? undefined : { type: 'changes', said, gone, viewers } };
}
