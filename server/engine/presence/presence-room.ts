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
  onPublished(instance: string, text: string | undefined): void;
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

/** A watch of one connection. */
export interface PresencePage {
  leave(): void;
  /** Whom the connection stands for; `undefined`: it is only counted. */
  setMember(identity: Identity | undefined): void;
}

interface Page {
  readonly onChange: () => void;
  readonly since: number;
  entry: PresenceEntry | undefined;
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
  const elsewhere = new Map<string, { readonly entries: readonly PresenceEntry[]; readonly heardAt: number }>();
  let present: Present = { members: new Map(), viewers: 0 };
  let viewersElsewhere = 0;
  let saidAt = clock.now();
  let cancelFlush: (() => void) | undefined;
  let stopped = false;

  /** A connection that watches twice is one page. */
  const here = (): PresenceEntry[] =>
    [...pagesOf.values()].flatMap((own) => {
      const entry = [...own].at(-1)?.entry;
      return entry ? [entry] : [];
    });

  /** Folds everything anew, and wakes the readers where it comes to something else. */
  const refresh = (): void => {
    const folded = foldPresence([...here(), ...[...elsewhere.values()].flatMap(({ entries }) => entries)]);
    const before = present.members;
    const members = new Map([...folded].map(([id, entry]) => [id, sameAs(before.get(id), entry)]));
    const viewers = viewersHere() + viewersElsewhere;
    const isSame =
      viewers === present.viewers &&
      members.size === before.size &&
      [...members].every(([id, entry]) => before.get(id) === entry);
    if (isSame) return;
    present = { members, viewers };
    for (const { onChange } of pages) onChange();
  };

  /** Says what is known here; what would be too much is left out, the newest first. */
  const say = (): void => {
    saidAt = clock.now();
    const known = [...foldPresence(here()).values()].slice(0, PRESENCE_LIMITS.members);
    let text = JSON.stringify(known);
    while (text.length > PRESENCE_LIMITS.stateBytes) text = JSON.stringify(known.splice(0, known.length >> 1));
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
    const entries = text === undefined ? undefined : entriesIn(text);
    if (entries) elsewhere.set(instance, { entries, heardAt: clock.now() });
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

  return {
    ready: readOthers(),
    enter(reader, onChange) {
      const own = pagesOf.get(reader) ?? new Set<Page>();
      const [known] = own;
      const page: Page = { onChange, since: known?.since ?? clock.now(), entry: known?.entry };
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
    onPublished,
    end() {
      quit();
      for (const { onChange } of pages) onChange();
    },
    stop,
  };
}

/** The entry before, where the new one says the same: its readers then see that nothing has changed. */
function sameAs(before: PresenceEntry | undefined, entry: PresenceEntry): PresenceEntry {
  if (!before) return entry;
  const { movedAt: _, ...told } = before;
  const { movedAt: __, ...telling } = entry;
  return JSON.stringify(told) === JSON.stringify(telling) ? before : entry;
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
