import type { AnalyticsStore } from '../../core/analytics/analytics-store.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import {
  holdingUnits,
  MAX_HELD_PLACES,
  NO_PLACES,
  type HeldPlaces,
  type HoldingUnit,
  type UnheldPlace,
} from '../../core/targeting/held-places.ts';
import type { HeldPlaceRow, HeldPlaceStore, HeldUnit } from '../../core/targeting/held-place-store.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';
import { createHeldLines, type HeldLines } from './held-lines.ts';
import { createUnitHashes, type UnitHash } from './unit-hash.ts';

/** Where places are stored, beside the salts of the hashes under which they stand. */
export type HeldPlacesStore = HeldPlaceStore & Pick<AnalyticsStore, 'campaignSalt'>;

/** Who looks at which lines. */
export interface HeldPlacesQuery {
  readonly campaignId: string;
  /** The lines on which places may be held: of the versions that are looked at. */
  readonly lines: HeldLines;
  /**
   * Whether versions to come will be looked at: a rule may be brought back, so that the lines on which anybody has ever
   * come to hold a place count, too.
   */
  readonly goesOn?: boolean;
  readonly attributes: JsonObject;
}

/**
 * The places that viewers keep over a login, over their store. They are looked up when somebody begins to look, and
 * stored beside everything else: neither an entry nor a frame waits for them.
 */
export interface HeldPlacesService {
  /**
   * The places of a viewer: at once where nothing can be held or it is known, else within a second. Where the store
   * does not answer, there are none: the viewer is judged by what it brings along, which is what its device has seen
   * before. Never rejects.
   */
  find(query: HeldPlacesQuery): HeldPlaces | Promise<HeldPlaces>;
  /** The same for whoever must know, as an explanation does. @throws RefusalError `UNAVAILABLE` */
  demand(query: HeldPlacesQuery): Promise<HeldPlaces>;
  /** Stores what a viewer was shown at a version. What cannot be stored now is told again when it looks again. */
  hold(campaignId: string, places: readonly UnheldPlace[], version: number): void;
  /**
   * A campaign was deleted, or its units are forgotten: what is known of it here is, too, and what is on its way to or
   * from the store changes nothing of that.
   */
  forget(campaignId: string): void;
  /** Resolves once what is on its way to the store has come there. @throws RefusalError `UNAVAILABLE` after a second */
  settled(): Promise<void>;
  /** Resolves once nothing waits to be stored, or after a second. */
  stop(): Promise<void>;
}

export interface HeldPlacesOptions {
  readonly store: HeldPlacesStore;
  /** Key of the hashes of units, the one of analytics. */
  readonly key: string;
  readonly clock: Clock;
  readonly observer: EngineObserver;
}

/** How long a viewer waits for the store, in milliseconds. */
const DEADLINE_MS = 1_000;
/** Units, or places, in one statement. */
const AT_ONCE = 500;
/** Viewers that may wait for an answer, and places that may wait to be stored; what is more is not looked up. */
const MAX_WAITING = 10_000;
/**
 * Units whose places are kept in memory, and for how long. A place that is held stays what it is, but it may be
 * forgotten by another instance. That nothing is held on a line is not kept: another instance may hold something there
 * at any time.
 */
const MAX_KEPT = 20_000;
const KEPT_MS = 60_000;

/** What is looked up, as one waits for it. */
interface LookUp {
  readonly unit: HeldUnit;
  answer(places: HeldPlaces): void;
  fail(error: unknown): void;
}

const NO_LINES: HeldLines = new Map();

/** Nobody keeps anything: an engine without a store. */
export const HOLDS_NOTHING: HeldPlacesService = {
  find: () => NO_PLACES,
  demand: () => Promise.resolve(NO_PLACES),
  hold: () => undefined,
  forget: () => undefined,
  settled: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

/**
 * Creates the service. One statement runs at a time: first all that is to be stored, so that who looks next on this
 * instance finds it, then all that is looked up. However many join at once, the store sees one statement for each 500
 * of them. As long as a statement has been running for longer than the deadline, nobody waits for the next.
 */
export function createHeldPlaces({ store, key, clock, observer }: HeldPlacesOptions): HeldPlacesService {
  const hashes = createUnitHashes(store, key, clock);
  const kept = new Map<string, { readonly places: HeldPlaces; readonly since: number }>();
  const lookUps: LookUp[] = [];
  const unstored = new Map<string, HeldPlaceRow>();
  /** What waits for the hash under which it is to be stored. */
  const toHold = new Set<{ readonly campaignId: string; isForgotten: boolean }>();
  /** How often something was forgotten: what was asked for before is not kept. */
  let forgotten = 0;
  let running: Promise<void> | undefined;
  let storing = Promise.resolve();
  /** What the store has been asked and has not answered, the oldest first. */
  const unanswered = new Set<{ readonly since: number }>();

  const isStuck = (): boolean => {
    const [oldest] = unanswered;
    return oldest !== undefined && clock.now() - oldest.since >= DEADLINE_MS;
  };

  const keep = (unit: HeldUnit, places: HeldPlaces): void => {
    const name = unitKey(unit);
    kept.delete(name);
    if (places.size === 0) return;
    kept.set(name, { places, since: clock.now() });
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  };

  const known = (unit: HeldUnit, lines: readonly string[]): HeldPlaces | undefined => {
    const found = kept.get(unitKey(unit));
    if (!found || clock.now() - found.since >= KEPT_MS) return undefined;
    return lines.every((line) => found.places.has(line)) ? found.places : undefined;
  };

  const timed = async <T>(ask: () => Promise<T>): Promise<T> => {
    const asked = { since: clock.now() };
    unanswered.add(asked);
    try {
      return await ask();
    } finally {
      unanswered.delete(asked);
    }
  };

  const unlessStuck = <T>(ask: () => Promise<T>): Promise<T> =>
    isStuck() ? Promise.reject(notAnswering()) : timed(ask);

  const heldLines = createHeldLines((campaignIds) => unlessStuck(() => store.listHeldLines(campaignIds)), clock);

  const hashOf = (campaignId: string): Promise<UnitHash> => unlessStuck(() => hashes.of(campaignId));

  const storeNext = async (): Promise<void> => {
    const rows = [...unstored].slice(0, AT_ONCE);
    for (const [name] of rows) unstored.delete(name);
    try {
      await timed(() =>
        store.holdPlaces(
          rows.map(([, row]) => row),
          MAX_HELD_PLACES,
        ),
      );
    } catch (error) {
      observer.failed?.({ what: 'hold places', error: asError(error) });
    }
    // Another one may have been first, so that what is held is what the store says.
    for (const [, row] of rows) {
      kept.delete(unitKey(row));
      heldLines.add(row.campaignId, row.line);
    }
  };

  const findNext = async (): Promise<void> => {
    const asked = lookUps.splice(0, AT_ONCE);
    const before = forgotten;
    const units = new Map(asked.map(({ unit }) => [unitKey(unit), unit]));
    try {
      const rows = await timed(() => store.findHeldPlaces([...units.values()]));
      const found = Map.groupBy(rows, unitKey);
      if (before === forgotten) for (const [name, unit] of units) keep(unit, placesOf(found.get(name) ?? []));
      for (const { unit, answer } of asked) answer(placesOf(found.get(unitKey(unit)) ?? []));
    } catch (error) {
      observer.failed?.({ what: 'look up held places', error: asError(error) });
      for (const { fail } of asked) fail(error);
    }
  };

  const run = async (): Promise<void> => {
    // All who ask in one turn are asked for together.
    await Promise.resolve();
    while (unstored.size > 0 || lookUps.length > 0) {
      if (unstored.size > 0) await (storing = storeNext());
      if (lookUps.length > 0) await findNext();
    }
    running = undefined;
  };

  const lookUp = (unit: HeldUnit, lines: readonly string[]): Promise<HeldPlaces> => {
    const places = known(unit, lines);
    if (places) return Promise.resolve(places);
    if (isStuck() || lookUps.length >= MAX_WAITING) return Promise.reject(notAnswering());
    return new Promise((answer, fail) => {
      lookUps.push({ unit, answer, fail });
      running ??= run();
    });
  };

  const lookUpAll = async (campaignId: string, units: readonly HoldingUnit[]): Promise<HeldPlaces> => {
    if (units.length === 0) return NO_PLACES;
    const hash = await hashOf(campaignId);
    const all = await Promise.all(
      units.map(({ name, value, lines }) => lookUp({ campaignId, unit: hash(name, value) }, lines)),
    );
    const [only, ...others] = all;
    return only && others.length === 0 ? only : new Map(all.flatMap((places) => [...places]));
  };

  const linesBefore = (campaignId: string): HeldLines | Promise<HeldLines> =>
    heldLines.known(campaignId) ?? (isStuck() ? Promise.reject(notAnswering()) : heldLines.of(campaignId));

  /** What is asked: at once where it is nothing. */
  const ask = (query: HeldPlacesQuery): HeldPlaces | Promise<HeldPlaces> => {
    const { campaignId, lines, attributes, goesOn = false } = query;
    const isSomebody = Object.keys(attributes).length > 0;
    const unitsOn = (former: HeldLines): readonly HoldingUnit[] => holdingUnits([...lines, ...former], attributes);
    const former = isSomebody && goesOn ? linesBefore(campaignId) : NO_LINES;
    if (former instanceof Promise) return withinDeadline(former.then((found) => lookUpAll(campaignId, unitsOn(found))));
    const units = isSomebody ? unitsOn(former) : [];
    return units.length === 0 ? NO_PLACES : withinDeadline(lookUpAll(campaignId, units));
  };

  const withinDeadline = <T>(answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(DEADLINE_MS, () => reject(new Error(`no answer within ${DEADLINE_MS} ms`)));
      answer.finally(cancel).then(resolve, reject);
    });

  return {
    find(query) {
      const answer = ask(query);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch(() => {
        observer.placesUnknown?.();
        return NO_PLACES;
      });
    },

    async demand(query) {
      try {
        return await ask(query);
      } catch {
        const message = 'viewer: the database does not tell now which arms are held for it; try again';
        throw new RefusalError('UNAVAILABLE', message, { retryAfterMs: DEADLINE_MS });
      }
    },

    hold(campaignId, places, since) {
      if (places.length === 0) return;
      const told = { campaignId, isForgotten: false };
      toHold.add(told);
      hashOf(campaignId)
        .finally(() => toHold.delete(told))
        .then(
          (hash) => {
            if (told.isForgotten) return;
            for (const { line, unit, bucket } of places) {
              const row = { campaignId, unit: hash(unit.name, unit.value), line, bucket, since };
              const name = `${unitKey(row)} ${line}`;
              if (unstored.size < MAX_WAITING && !unstored.has(name)) unstored.set(name, row);
            }
            running ??= run();
          },
          (error: unknown) => observer.failed?.({ what: 'hold places', error: asError(error) }),
        );
    },

    forget(campaignId) {
      forgotten += 1;
      for (const told of toHold) if (told.campaignId === campaignId) told.isForgotten = true;
      hashes.forget(campaignId);
      heldLines.forget(campaignId);
      for (const names of [kept, unstored])
        for (const name of names.keys()) if (name.startsWith(`${campaignId} `)) names.delete(name);
    },

    async settled() {
      try {
        await withinDeadline(storing);
      } catch {
        const message = 'unit: the database does not answer now, so that nothing was forgotten; try again';
        throw new RefusalError('UNAVAILABLE', message, { retryAfterMs: DEADLINE_MS });
      }
    },

    stop: () =>
      new Promise((resolve) => {
        const cancel = clock.after(DEADLINE_MS, resolve);
        void (running ?? Promise.resolve()).then(() => {
          cancel();
          resolve();
        });
      }),
  };
}

function notAnswering(): Error {
  return new Error('the database does not answer');
}

/** Ids of campaigns have no spaces. */
function unitKey({ campaignId, unit }: HeldUnit): string {
  return `${campaignId} ${unit}`;
}

function placesOf(rows: readonly HeldPlaceRow[]): HeldPlaces {
  if (rows.length === 0) return NO_PLACES;
  return new Map(rows.map(({ line, bucket, since }) => [line, { bucket, since }]));
}
