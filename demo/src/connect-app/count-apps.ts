import type { Presence } from '@campaign-state/client/react/presence';

/** Streams that a console has of its campaign: that of its editor, and that of its audience pane. */
const STREAMS_OF_A_CONSOLE = 2;

/**
 * How many of a campaign's streams are no console's, as far as presence tells: this console is one, whoever looks, and
 * everybody who may edit has one or several. Who may not edit is told how many those are, and not by how many pages;
 * consoles of others who only look are known to nobody.
 *
 * @param ownId who looks
 */
export function countApps(
  { members = [], more, viewers }: Pick<Presence, 'members' | 'more' | 'viewers'>,
  ownId: string | undefined,
): number {
  const told = members.reduce((sum, { tabs }) => sum + tabs, 0);
  const own = members.some(({ id }) => id === ownId) ? 0 : 1;
  return Math.max(0, viewers - STREAMS_OF_A_CONSOLE * (told + more + own));
}
