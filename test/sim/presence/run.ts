import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { PresenceMember } from '../../../server/core/presence/presence.ts';
import { createManager } from '../../../server/engine/manager.ts';
import type { OrderedLog, PresenceExchange } from '../../../server/engine/ports.ts';
import type { Reader } from '../../../server/engine/service.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

/** A rule of presence that is broken from outside: something between an instance and what it exchanges with others. */
export interface PresenceMutant {
  readonly name: string;
  exchange(presence: PresenceExchange, every: (milliseconds: number, work: () => void) => void): PresenceExchange;
}

export interface PresenceRun {
  readonly violation: string | undefined;
  readonly counts: Readonly<Record<'opened' | 'closed' | 'moved' | 'died', number>>;
}

interface Page {
  readonly person: string;
  readonly instance: number;
  readonly openedAt: number;
  movedAt: number;
  focus: string;
  readonly told: Map<string, PresenceMember>;
  close(): void;
  move(focus: string): void;
}

const ID = 'summer';
const INSTANCES = 3;
const PEOPLE = 6;
const STEPS = 60;
/** After so long everybody sees the truth: what an instance that died has said is believed for ten seconds. */
const CALM_MS = 11_000;
/** How long somebody who has left is still seen. */
const GONE_MS = 2_000;
/** What was said so long ago is in the picture of who comes: it is flushed ten times a second. */
const SETTLED_MS = 500;

/**
 * Plays one history: people who open pages on several instances, move, and leave, over publications that are late or
 * lost, and instances that die. Who comes has to be told at once of everybody who was there; after a while without
 * changes every page has to see who is there, in how many pages, and where.
 */
export async function runPresence(seed: number, mutant?: PresenceMutant): Promise<PresenceRun> {
  const clock = simulatedClock(seed);
  const { next: random, pick } = seededRandom(seed * 6_151);
  const store = createSharedLogStore();
  const archive = createMemoryStore();
  const counts = { opened: 0, closed: 0, moved: 0, died: 0 };
  let isLossy = true;
  const every = (milliseconds: number, work: () => void): void =>
    void clock.after(milliseconds, () => {
      work();
      every(milliseconds, work);
    });
  const instances = Array.from({ length: INSTANCES }, (_, index) => {
    const plain = connectSharedLog(store, {
      clock,
      instance: `i${index}`,
      publicationDelay: () => (isLossy && random() < 0.1 ? undefined : Math.floor(random() * 50)),
    });
    const log: OrderedLog = mutant ? { ...plain, presence: mutant.exchange(plain.presence, every) } : plain;
    const manager = createManager({ log, archive: createMemoryArchive({ store: archive, soleUser: false }), clock });
    return { log, manager, isAlive: true };
  });
  const [first] = instances;
  if (!first) throw new Error('there are some');
  const editor = (id: string) => ({ id, grants: { '*': 'admin' as const } });
  const created = first.manager.create(
    { identity: editor('root'), correlationId: 'c' },
    ID,
    { slug: ID, title: 'S' },
    {},
  );
  await clock.until(created, 30_000);

  let pages: Page[] = [];
  let violation: string | undefined;

  /** Who is there, in how many pages, and where: of pages that were open at that time. */
  const truth = (isSettled: (page: Page) => boolean = () => true): Map<string, string> => {
    const people = new Map<string, Page[]>();
    for (const page of pages.filter(isSettled)) people.set(page.person, [...(people.get(page.person) ?? []), page]);
    return new Map(
      [...people].map(([person, own]) => {
        const newest = own.toSorted((one, other) => one.movedAt - other.movedAt).at(-1);
        return [person, `${own.length} at ${newest?.focus}`];
      }),
    );
  };

  const open = async (): Promise<void> => {
    const living = instances.flatMap(({ isAlive }, index) => (isAlive ? [index] : []));
    const instance = pick(living);
    const on = instances[instance]?.manager;
    if (!on) throw new Error('there is such an instance');
    const person = `p${Math.floor(random() * PEOPLE)}`;
    const end = new AbortController();
    const identity = editor(person);
    const reader: Reader = {
      identity: () => identity,
      bufferedBytes: () => 0,
      onIdentity: () => () => undefined,
      disconnect: () => undefined,
    };
    const caller = { identity, correlationId: 'c', signal: end.signal };
    const told = new Map<string, PresenceMember>();
    const page: Page = {
      person,
      instance,
      openedAt: clock.now(),
      movedAt: clock.now(),
      focus: 'nowhere',
      told,
      close: () => end.abort(),
      move(focus) {
        page.movedAt = clock.now();
        page.focus = focus;
        on.presence.set(caller, reader, ID, { focus: [focus] });
      },
    };
    // The first on its instance reads what the others have said. Later ones know what has been heard since, which may
    // lack a publication that was lost, until it is repeated.
    const isFirst = pages.every((other) => other.instance !== instance);
    const known = isFirst ? [...truth(({ openedAt }) => openedAt < clock.now() - SETTLED_MS).keys()] : [];
    const stream = on.presence.watch(caller, reader, ID);
    void (async () => {
      for await (const event of stream) {
        for (const member of event.type === 'all' ? event.members : event.changed) told.set(member.id, member);
        for (const id of event.type === 'changes' ? event.removed : []) told.delete(id);
        const missing = event.type === 'all' ? known.filter((id) => !told.has(id)) : [];
        if (missing.length > 0) violation ??= `${person} came, and was not told of ${missing.join(', ')}`;
      }
    })();
    await clock.advance(30);
    pages.push(page);
    counts.opened += 1;
  };

  const leave = (page: Page): void => {
    page.close();
    pages = pages.filter((other) => other !== page);
    counts.closed += 1;
  };

  const die = async (): Promise<void> => {
    const index = instances.findLastIndex(({ isAlive }) => isAlive);
    const dying = instances[index];
    if (!dying || index === 0) return;
    dying.isAlive = false;
    // Nothing of it is heard any more.
    await dying.log.stop();
    pages = pages.filter(({ instance }) => instance !== index);
    counts.died += 1;
  };

  const compare = (): void => {
    const expected = [...truth()].map(String).toSorted().join();
    for (const { person, told } of pages) {
      const seen = [...told.values()].map(({ id, tabs, focus }) => [id, `${tabs} at ${focus?.[0] ?? 'nowhere'}`]);
      const text = seen.map(String).toSorted().join();
      if (text !== expected) violation ??= `${person} sees ${text}, and there is ${expected}`;
    }
  };

  for (let step = 0; step < STEPS && violation === undefined; step += 1) {
    await clock.advance(Math.floor(random() * 1_000));
    const chance = random();
    const page = pages.length > 0 ? pick(pages) : undefined;
    if (!page || chance < 0.3) await open();
    else if (chance < 0.7) {
      page.move(pick(['title', 'theme', 'scripts']));
      counts.moved += 1;
    } else if (chance < 0.97) leave(page);
    else await die();
  }
  if (pages.length === 0) await open();
  await clock.advance(CALM_MS);
  compare();
  // With nothing lost, whoever closes a page is gone within two seconds.
  isLossy = false;
  const [leaver] = pages;
  if (leaver && pages.length > 1) {
    leave(leaver);
    await clock.advance(GONE_MS);
    compare();
  }
  for (const page of pages) page.close();
  return { violation, counts };
}
