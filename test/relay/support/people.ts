import type { PresenceEvent, PresenceMember } from '../../../server/core/presence/presence.ts';
import { wsClient } from '../../api/support/clients.ts';
import { CAMPAIGN, cleanUp, tokenFor } from '../../api/support/server.ts';

/** A page of somebody at a server, which watches a campaign and who is there. */
export interface PersonPage {
  /** Who is there, as it is told. */
  readonly members: ReadonlyMap<string, PresenceMember>;
  /** Their ids, sorted, with the number of their pages where it is not one. */
  readonly who: () => string;
  readonly counts: () => { readonly more: number; readonly viewers: number };
  /** All that it was told of presence. */
  readonly events: readonly PresenceEvent[];
  readonly error: () => unknown;
  set(setting: { focus?: string[]; data?: Record<string, string> }): Promise<unknown>;
  authenticate(token: string): Promise<unknown>;
  close(): void;
}

export interface PersonOptions {
  readonly role?: 'viewer' | 'editor' | 'admin';
  readonly token?: string;
  readonly campaignId?: string;
  /** Rides on the campaign's stream, as the SDK's does, or has a stream of its own. Default: rides. */
  readonly rides?: boolean;
}

/** Opens a page of somebody. */
export async function openPage(
  { url }: { readonly url: string },
  sub: string,
  { role = 'editor', token, campaignId = CAMPAIGN, rides = true }: PersonOptions = {},
): Promise<PersonPage> {
  const client = wsClient(url, { token: token ?? (await tokenFor({ '*': role }, { sub })) });
  const members = new Map<string, PresenceMember>();
  const events: PresenceEvent[] = [];
  let counts = { more: 0, viewers: 0 };
  let failed: unknown;
  const onPresence = (event: PresenceEvent): void => {
    events.push(event);
    if (event.type === 'all') members.clear();
    for (const member of event.type === 'all' ? event.members : event.changed) members.set(member.id, member);
    for (const id of event.type === 'changes' ? event.removed : []) members.delete(id);
    counts = { more: event.more, viewers: event.viewers };
  };
  const onError = (error: unknown): void => void (failed = error);
  const { unsubscribe } = rides
    ? client.campaign.watch.subscribe(
        { campaignId, presence: true },
        { onData: ({ data }) => data.type === 'presence' && onPresence(data.presence), onError },
      )
    : client.presence.watch.subscribe({ campaignId }, { onData: onPresence, onError });
  cleanUp(unsubscribe);
  return {
    members,
    who: () =>
      [...members.values()]
        .map(({ id, tabs }) => (tabs === 1 ? id : `${id} ${tabs}`))
        .sort()
        .join(),
    counts: () => counts,
    events,
    error: () => failed,
    set: (setting) => client.presence.set.mutate({ campaignId, ...setting }),
    authenticate: (next) => client.session.authenticate.mutate({ token: next }),
    close: unsubscribe,
  };
}
