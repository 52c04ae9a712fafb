import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { LockPath } from '../../core/locks/lock-path.ts';
import type { Identity } from '../../core/permissions.ts';
import { foldPresence, PRESENCE_LIMITS, type PresenceEntry } from '../../core/presence/presence.ts';
import type { Clock, OrderedLog } from '../ports.ts';
import type { Reader } from '../service.ts';

export interface PresenceSetting {
  /** Where in the document this page is; missing: nowhere. */
  readonly focus?: LockPath | undefined;
  readonly data?: JsonObject | undefined;
}

export interface PresenceRoomOptions {
  readonly campaignId: string;
  readonly log: OrderedLog;
  readonly clock: Clock;
  /** Streams of the campaign that are open on this instance. */
  viewersHere(): number;
  /** Nobody here is in it any more. */
  onEmpty(): void;
  onFailure(error: unknown): void;
}

/** Who is at one campaign: what this instance knows of its own connections, and what others have said of theirs. */
export interface PresenceRoom {
  /** Resolves once what other instances know has been read. */
  readonly ready: Promise<void>;
  /** A connection watches. */
  enter(reader: Reader, onChange: () => void): PresencePage;
  /** @returns whether the connection is in the room */
  move(reader: Reader, setting: PresenceSetting): boolean;
  /** Who is there; the same object until that changes. */
  present(): Present;
  /** What each source says of it. */
  sources(): ReadonlyMap<string, PresenceSource>;
  onPublished(instance: string, text: string | undefined): void;
  /** The streams of the campaign may be others. */
  onViewers(): void;
  /** The campaign was deleted: its readers are woken, and nothing is said of it any more. */
  end(): void;
  stop(): void;
}

/** Who is at one campaign. */
export interface Present {
  /** All members, folded by person, each the same object until it changes. */
  readonly members: ReadonlyMap<string, PresenceEntry>;
  /** Streams of the campaign that are open, over all instances. */
  readonly viewers: number;
}

/** What is known of pages that are connected in one way. */
export interface PresenceSource {
  /** Their entries, as a text. */
  readonly text: string;
  /** The connection of the relay that they have come through; `undefined`: they have not. */
  readonly via: object | undefined;
}

/** A watch of one connection. */
export interface PresencePage {
  leave(): void;
  /** Whom the connection stands for; `undefined`: it is only counted. */
  setMember(identity: Identity | undefined): void;
}

interface Page {
  readonly onChange: () => void;
  readonly via: object | undefined;
  readonly since: number;
  entry: PresenceEntry | undefined;
}

/** What another instance has said. */
interface Said {
  readonly text: string;
  readonly entries: readonly PresenceEntry[];
  heardAt: number;
}

/** How long what has changed waits for more, in milliseconds: ten times a second at most. */
const FLUSH_MS = 100;
/** Interval at which what others say is looked at, in milliseconds. */
const LOOK_MS = 1_000;
/**
 * Interval at which this instance says again what it knows, and for how long the others believe it, in milliseconds.
 */
const REPEAT_MS = 3_000;
const BELIEVED_MS = 9_000;

/**
 * Creates a room. An instance says what it knows of its own connections whenever that changes, and every few seconds
 * again; the others are told by the log's channel, and believe it for nine seconds. Heartbeats reach no reader, because
 * what they say has not changed.
 */
export function createPresenceRoom(options: PresenceRoomOptions): PresenceRoom {
  const { campaignId, log, clock, viewersHere, onEmpty, onFailure } = options;
  const pages = new Set<Page>();
  const pagesOf = new Map<Reader, Set<Page>>();
  const elsewhere = new Map<string, Said>();
  /** Names the sources among the pages here; `pages`: those that have come through no relay. */
  const sourceNames = new WeakMap<object, string>();
  /** Once a relay has asked for them. */
  let sources: ReadonlyMap<string, PresenceSource> | undefined;
  let present: Present = { members: new Map(), viewers: 0 };
  let viewersElsewhere = 0;
  let saidAt = clock.now();
  let cancelFlush: (() => void) | undefined;
  let stopped = false;

  /** A connection that watches twice is one page. */
  const pagesHere = (): Page[] => [...pagesOf.values()].flatMap((own) => [...own].slice(-1));
  const here = (): PresenceEntry[] => pagesHere().flatMap(({ entry }) => entry ?? []);

  /** Folds everything anew, and wakes the readers where that, or what a relay is told, comes to something else. */
  const refresh = (): void => {
    const folded = foldPresence([...here(), ...[...elsewhere.values()].flatMap(({ entries }) => entries)]);
    const before = present.members;
    const members = new Map([...folded].map(([id, entry]) => [id, sameAs(before.get(id), entry)]));
    const viewers = viewersHere() + viewersElsewhere;
    const isSame =
      viewers === present.viewers &&
      members.size === before.size &&
      [...members].every(([id, entry]) => before.get(id) === entry);
    // Two sources that change places come to the same, but not for a relay that knows one of them itself.
    const said = sources && sourcesNow();
    const saysSame = !sources || !said || isSaidBy(sources, said);
    if (isSame && saysSame) return;
    if (!isSame) present = { members, viewers };
    sources = said;
    for (const { onChange } of pages) onChange();
  };

  /** Says what is known here. */
  const say = (): void => {
    saidAt = clock.now();
    const text = textOf(here());
    log.presence.publish(campaignId, pages.size > 0 && !stopped ? text : undefined).catch(onFailure);
  };

  const flushSoon = (): void => {
    if (stopped) return;
    cancelFlush ??= clock.after(FLUSH_MS, () => {
      cancelFlush = undefined;
      refresh();
      if (pages.size > 0) say();
    });
  };

  const look = async (): Promise<void> => {
    const now = clock.now();
    for (const [instance, { heardAt }] of elsewhere) if (heardAt <= now - BELIEVED_MS) elsewhere.delete(instance);
    if (now - saidAt >= REPEAT_MS) say();
    try {
      viewersElsewhere = (await log.viewers.elsewhere([campaignId])).get(campaignId) ?? 0;
    } catch (error) {
      onFailure(error);
    }
    if (stopped) return;
    refresh();
    cancelLook = clock.after(LOOK_MS, () => void look());
  };
  let cancelLook = clock.after(LOOK_MS, () => void look());

  const quit = (): void => {
    stopped = true;
    cancelLook();
    cancelFlush?.();
  };

  const stop = (): void => {
    if (stopped) return;
    quit();
    say();
    onEmpty();
  };

  const onPublished = (instance: string, text: string | undefined): void => {
    const known = elsewhere.get(instance);
    if (text !== undefined && known?.text === text) {
      known.heardAt = clock.now();
      return;
    }
    const entries = text === undefined ? undefined : entriesIn(text);
    if (text !== undefined && entries) elsewhere.set(instance, { text, entries, heardAt: clock.now() });
    else elsewhere.delete(instance);
    flushSoon();
  };

  const readOthers = async (): Promise<void> => {
    try {
      for (const [instance, text] of await log.presence.read(campaignId))
        if (!elsewhere.has(instance)) onPublished(instance, text);
    } catch (error) {
      onFailure(error);
    }
    refresh();
  };

  const sourcesNow = (): ReadonlyMap<string, PresenceSource> => {
    const ways = Map.groupBy(
      pagesHere().filter(({ entry }) => entry),
      ({ via }) => via,
    );
    const bySource = new Map<string, PresenceSource>();
    for (const [via, own] of ways) {
      const name = sourceNames.get(via ?? pages) ?? clock.token();
      sourceNames.set(via ?? pages, name);
      bySource.set(name, { text: textOf(own.flatMap(({ entry }) => entry ?? [])), via });
    }
    for (const [instance, { text }] of elsewhere) bySource.set(instance, { text, via: undefined });
    return bySource;
  };

  return {
    ready: readOthers(),
    enter(reader, onChange) {
      const own = pagesOf.get(reader) ?? new Set<Page>();
      const [known] = own;
      const page: Page = { onChange, via: reader.relay, since: known?.since ?? clock.now(), entry: known?.entry };
      pages.add(page);
      pagesOf.set(reader, own.add(page));
      flushSoon();
      return {
        leave() {
          pages.delete(page);
          own.delete(page);
          if (own.size === 0 && pagesOf.get(reader) === own) pagesOf.delete(reader);
          if (pages.size === 0) stop();
          else flushSoon();
        },
        setMember(identity) {
          if (page.entry?.id === identity?.id) return;
          const name = identity?.attributes?.['name'];
          page.entry = identity && {
            id: identity.id,
            ...(typeof name === 'string' && { name: name.slice(0, 100) }),
            tabs: 1,
            since: page.since,
            movedAt: page.since,
          };
          // Who comes is told of itself at once.
          refresh();
          flushSoon();
        },
      };
    },
    move(reader, { focus, data }) {
      const own = pagesOf.get(reader);
      if (!own) return false;
      for (const page of own) {
        if (!page.entry) continue;
        const { focus: _, data: __, ...kept } = page.entry;
        page.entry = { ...kept, ...(focus && { focus }), ...(data && { data }), movedAt: clock.now() };
      }
      flushSoon();
      return true;
    },
    present: () => present,
    sources: () => (sources ??= sourcesNow()),
    onViewers: flushSoon,
    onPublished,
    end() {
      quit();
      for (const { onChange } of pages) onChange();
    },
    stop,
  };
}

/** What is known here, as a text; what would be too much is left out, the newest first. */
function textOf(entries: readonly PresenceEntry[]): string {
  let known = [...foldPresence(entries).values()].slice(0, PRESENCE_LIMITS.members);
  let text = JSON.stringify(known);
  while (text.length > PRESENCE_LIMITS.stateBytes) {
    known = known.slice(0, known.length >> 1);
    text = JSON.stringify(known);
  }
  return text;
}

function isSaidBy(known: ReadonlyMap<string, PresenceSource>, said: ReadonlyMap<string, PresenceSource>): boolean {
  return known.size === said.size && [...said].every(([source, { text }]) => known.get(source)?.text === text);
}

/** The entry before, where the new one says the same: its readers then see that nothing has changed. */
function sameAs(before: PresenceEntry | undefined, entry: PresenceEntry): PresenceEntry {
  if (!before || before === entry) return entry;
  const { movedAt: _, ...told } = before;
  const { movedAt: __, ...telling } = entry;
  return sayTheSame(told, telling) ? before : entry;
}

/** Whatever their members are: another version may tell more. */
function sayTheSame(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => one[key] === other[key] || JSON.stringify(one[key]) === JSON.stringify(other[key]))
  );
}

/** What another instance has said; `undefined` where that is not what ours say. */
function entriesIn(text: string): PresenceEntry[] | undefined {
  const said: JsonValue = JSON.parse(text);
  if (!Array.isArray(said)) return undefined;
  // They are written by `say`, of this version or another.
  return said
    .filter(isJsonObject)
    .filter(({ id, tabs }) => typeof id === 'string' && typeof tabs === 'number') as unknown as PresenceEntry[];
}
