import { useCallback, useMemo } from 'react';
import { isAt, type PresenceMember } from '../../../../server/core/presence/presence.ts';
import { campaignPresence, type OwnPresence, type Presence } from '../../presence/presence-store.ts';
import type { CampaignSnapshot, Readable } from '../../types.ts';
import { useCampaignClient, useCampaignHandle } from '../provider/context.ts';
import { useAccess } from '../use-access.ts';
import { useSelected } from '../use-selected.ts';

export type { OwnPresence, Presence } from '../../presence/presence-store.ts';
export type { PresenceMember } from '../../../../server/core/presence/presence.ts';

/** Options of the hooks of presence. */
export interface PresenceOptions {
  /** Default: the provider's campaign. */
  readonly campaignId?: string | undefined;
}

/** What {@link usePresence} returns. */
export interface UsePresenceResult extends Presence {
  /** Says where this page is. Stable. */
  readonly setPresence: (own: OwnPresence) => void;
}

const NOTHING: Presence = Object.freeze({ members: undefined, more: 0, viewers: 0, error: undefined });
const NOBODY: readonly PresenceMember[] = Object.freeze([]);
const NO_PRESENCE: Readable<Presence> & { readonly set: (own: OwnPresence) => void } = {
  subscribe: () => () => {},
  getSnapshot: () => NOTHING,
  getInitialSnapshot: () => NOTHING,
  set: () => {},
};

function usePresenceStore({ campaignId }: PresenceOptions) {
  const client = useCampaignClient();
  const id = useSelected(useCampaignHandle(campaignId), idOf);
  return useMemo(() => (id === undefined ? NO_PRESENCE : campaignPresence(client, id)), [client, id]);
}

/**
 * Who is at a campaign, with how many watch it. While a component uses a hook of presence, an editor's page is a
 * member.
 *
 * @example const { members = [], viewers, setPresence } = usePresence();
 */
export function usePresence(options: PresenceOptions = {}): UsePresenceResult {
  const store = usePresenceStore(options);
  const presence = useSelected(store, itself);
  return useMemo(() => ({ ...presence, setPresence: store.set }), [presence, store]);
}

/**
 * The members beside this user, or what is selected of them: renders only when that changes.
 *
 * @param select should be stable; what it makes anew each time renders each time
 * @example const busy = useOthers((others) => others.some(({ focus }) => focus?.[0] === 'ui_content'));
 */
export function useOthers(): readonly PresenceMember[];
export function useOthers<T>(select: (others: readonly PresenceMember[]) => T, options?: PresenceOptions): T;
export function useOthers<T>(
  select?: (others: readonly PresenceMember[]) => T,
  options: PresenceOptions = {},
): T | readonly PresenceMember[] {
  const { id: ownId } = useAccess({ campaignId: options.campaignId });
  return useSelected(
    usePresenceStore(options),
    useCallback(
      ({ members = NOBODY }: Presence) => {
        const others = members.filter(({ id }) => id !== ownId);
        return select ? select(others) : others.length === 0 ? NOBODY : others;
      },
      [select, ownId],
    ),
    { isEqual: sameMembers },
  );
}

/** The others who are at a field of the document, or in it. Renders only when that changes. */
export function useFieldPresence(path: readonly string[], options: PresenceOptions = {}): readonly PresenceMember[] {
  const key = JSON.stringify(path);
  const select = useCallback(
    (others: readonly PresenceMember[]) => {
      const at: unknown = JSON.parse(key);
      const keys = Array.isArray(at) ? at.map(String) : [];
      return others.filter((member) => isAt(member, keys));
    },
    [key],
  );
  return useOthers(select, options);
}

/** How many watch the campaign. */
export function useViewers(options: PresenceOptions = {}): number {
  return useSelected(usePresenceStore(options), viewersOf);
}

function idOf({ campaignId }: CampaignSnapshot): string | undefined {
  return campaignId;
}

function itself(presence: Presence): Presence {
  return presence;
}

function viewersOf({ viewers }: Presence): number {
  return viewers;
}

function sameMembers(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((member, index) => Object.is(member, b[index]));
}
