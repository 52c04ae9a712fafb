import { RefusalError } from '../../../core/errors.ts';
import type { FleetCounts, FleetLoad, FleetReporter } from '../../../core/fleet.ts';
import { isJsonObject, type JsonValue } from '../../../core/json.ts';
import type { Clock, PresenceExchange } from '../../ports.ts';

export interface FleetCountsOptions {
  /** Carries what servers say to the other instances of this log. */
  readonly exchange: Pick<PresenceExchange, 'publish' | 'read'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** How long what a server has said counts, in milliseconds; it is said again every few seconds. */
const LIFETIME_MS = 15_000;
/** Fleets, and members of each, that are told apart here. */
const MAX_FLEETS = 64;
const MAX_MEMBERS = 1_024;

interface Said {
  readonly connections: number;
  readonly until: number;
  readonly by: FleetReporter | undefined;
}

/**
 * Counts of the connections of fleets: of the servers that report here, which are this instance and its relays, and by
 * the exchange of presence of those that report to other instances of this log. No campaign has such an id, so that the
 * two never meet.
 */
export function createFleetCounts({ exchange, clock }: FleetCountsOptions): FleetCounts {
  const fleets = new Map<string, Map<string, Said>>();
  /** What the connections that report have said that they are. */
  const names = new WeakMap<object, { readonly fleet: string; readonly member: string }>();

  const membersOf = (fleet: string): Map<string, Said> => {
    for (const [name, members] of fleets) {
      for (const [member, { until }] of members) if (until < clock.now()) members.delete(member);
      if (members.size === 0) fleets.delete(name);
    }
    const known = fleets.get(fleet) ?? new Map<string, Said>();
    if (fleets.size < MAX_FLEETS) fleets.set(fleet, known);
    return known;
  };

  /** @throws RefusalError `INVALID` where somebody else has that name, or this connection another */
  const name = (here: Map<string, Said>, fleet: string, member: string, by: FleetReporter): void => {
    if (by.closed.aborted) return;
    const before = names.get(by.connection);
    if (before && (before.fleet !== fleet || before.member !== member))
      throw new RefusalError('INVALID', 'member: a connection is one member of one fleet', { path: ['member'] });
    const said = here.get(member);
    if (said && said.by?.connection !== by.connection)
      throw new RefusalError('INVALID', 'member: another connection is that member', { path: ['member'] });
    if (before) return;
    names.set(by.connection, { fleet, member });
    const forget = (): void => {
      const members = fleets.get(fleet);
      if (members?.get(member)?.by?.connection === by.connection) members.delete(member);
    };
    by.closed.addEventListener('abort', forget, { once: true });
  };

  return {
    async report(fleet, member, connections, by) {
      const here = membersOf(fleet);
      if (by) name(here, fleet, member, by);
      const counts = by?.closed.aborted !== true && (here.size < MAX_MEMBERS || here.has(member));
      if (counts) here.set(member, { connections, until: clock.now() + LIFETIME_MS, by });
      const key = `fleet/${fleet}`;
      const told = Object.fromEntries([...here].map(([known, said]) => [known, said.connections]));
      await exchange.publish(key, JSON.stringify(told));
      const elsewhere = await exchange.read(key);
      // A relay that has moved to another instance is still known to the one before.
      const all = new Map([...elsewhere.values()].flatMap(countsIn));
      for (const [known, said] of here) all.set(known, said.connections);
      return loadOf(all);
    },
  };
}

function loadOf(counts: ReadonlyMap<string, number>): FleetLoad {
  return { members: counts.size, connections: [...counts.values()].reduce((sum, count) => sum + count, 0) };
}

/** What another instance has said: one of another version may say it in another way. */
function countsIn(text: string): [member: string, connections: number][] {
  const said: JsonValue = JSON.parse(text);
  if (!isJsonObject(said)) return [];
  return Object.entries(said).flatMap(([member, count]): [string, number][] =>
    typeof count === 'number' ? [[member, count]] : [],
  );
}
