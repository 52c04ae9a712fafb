import type { HeldPlaceStore } from '../../server/core/targeting/held-place-store.ts';
import { ArchiveError } from '../../server/archive/errors.ts';
import type { Archive, Clock, LogEvent, OrderedLog } from '../../server/engine/ports.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

/**
 * `refused`: nothing was done; `unheard`: it was done, and the answer was lost. Who asked cannot tell one from the
 * other.
 */
export type Fault = 'refused' | 'unheard';

/** What goes wrong at present, for all instances. Changed by the plan, read by the ports. */
export interface Faults {
  /** What becomes of the archive's next writes, in order. */
  writes: Fault[];
  /** What becomes of the log's next appends, in order. */
  appends: Fault[];
  /** Until when the archive does not answer. */
  archiveAwayUntil: number;
  /** Until when the log does not answer. */
  logAwayUntil: number;
  /** Until when an instance hears nothing of what the log publishes, by instance. */
  deafUntil: Map<number, number>;
  /** The longest that a call takes on its way to the archive, and back, in milliseconds. */
  archiveLatency: number;
  /** The same for the log, its publications included. */
  logLatency: number;
}

export function noFaults(): Faults {
  return {
    writes: [],
    appends: [],
    archiveAwayUntil: 0,
    logAwayUntil: 0,
    deafUntil: new Map(),
    archiveLatency: 10,
    logLatency: 2,
  };
}

export interface FaultyOptions {
  faults: Faults;
  /** Of the instance: its timers end with it, so that nothing is answered after a crash. */
  clock: Clock;
  random: SeededRandom;
  /** How many of a campaign's newest entries come back with it at most: few bring the archive into play sooner. */
  recentAtMost: number;
}

/** Where places are looked up and stored, behind that link, too. */
export function faultyPlaces<S extends Pick<HeldPlaceStore, 'findHeldPlaces' | 'holdPlaces' | 'listHeldLines'>>(
  store: S,
  { faults, clock, random }: FaultyOptions,
): S {
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    await new Promise<void>((resolve) => clock.after(random.int(0, faults.archiveLatency), resolve));
    if (clock.now() < faults.archiveAwayUntil) throw new ArchiveError('unreachable', 'no answer');
    return work();
  };
  return {
    ...store,
    findHeldPlaces: (units) => call(() => store.findHeldPlaces(units)),
    listHeldLines: (campaignIds) => call(() => store.listHeldLines(campaignIds)),
    holdPlaces: (rows, max) => call(() => store.holdPlaces(rows, max)),
  };
}

/**
 * The archive behind a link that delays and fails: a crash can fall before a write, after it, or between it and its
 * answer.
 */
export function faultyArchive(archive: Archive, { faults, clock, random, recentAtMost }: FaultyOptions): Archive {
  const way = (): Promise<void> => new Promise((resolve) => clock.after(random.int(0, faults.archiveLatency), resolve));

  const call = async <T>(fault: Fault | undefined, work: () => Promise<T>): Promise<T> => {
    await way();
    if (fault === 'refused' || clock.now() < faults.archiveAwayUntil)
      throw new ArchiveError('unreachable', 'no answer');
    const answer = await work();
    await way();
    if (fault === 'unheard') throw new ArchiveError('unreachable', 'no answer');
    return answer;
  };
  const read = <T>(work: () => Promise<T>): Promise<T> => call(undefined, work);
  const write = <T>(work: () => Promise<T>): Promise<T> => call(faults.writes.shift(), work);

  return {
    load: (campaignId, recent) => read(() => archive.load(campaignId, Math.min(recent, recentAtMost))),
    create: (...args) => write(() => archive.create(...args)),
    commit: (...args) => write(() => archive.commit(...args)),
    enterLog: (...args) => write(() => archive.enterLog(...args)),
    leaveLog: (...args) => write(() => archive.leaveLog(...args)),
    remove: (...args) => write(() => archive.remove(...args)),
    removeRows: (...args) => write(() => archive.removeRows(...args)),
    completeDeletion: (...args) => write(() => archive.completeDeletion(...args)),
    openDeletions: () => read(() => archive.openDeletions()),
    findDeletion: (...args) => read(() => archive.findDeletion(...args)),
    heads: (...args) => read(() => archive.heads(...args)),
    findMutation: (...args) => read(() => archive.findMutation(...args)),
    history: (...args) => read(() => archive.history(...args)),
    stateAt: (...args) => read(() => archive.stateAt(...args)),
    versionAt: (...args) => read(() => archive.versionAt(...args)),
    list: (...args) => read(() => archive.list(...args)),
    count: (...args) => read(() => archive.count(...args)),
    ping: () => read(() => archive.ping()),
    stop: (options) => archive.stop(options),
  };
}

/** The log behind a link that delays and fails; what it publishes comes late, and in order. */
export function faultyLog(log: OrderedLog, { faults, clock, random }: FaultyOptions): OrderedLog {
  const way = (): Promise<void> => new Promise((resolve) => clock.after(random.int(0, faults.logLatency), resolve));

  const call = async <T>(fault: Fault | undefined, work: () => Promise<T>): Promise<T> => {
    await way();
    if (fault === 'refused' || clock.now() < faults.logAwayUntil) throw new Error('no answer');
    const answer = await work();
    await way();
    if (fault === 'unheard') throw new Error('no answer');
    return answer;
  };

  const late = (listener: (event: LogEvent) => void): ((event: LogEvent) => void) => {
    let last = 0;
    return (event) => {
      last = Math.max(last, clock.now() + random.int(0, faults.logLatency));
      clock.after(last - clock.now(), () => listener(event));
    };
  };

  return {
    ...log,
    open: (campaignId, generation, archived, listener) =>
      call(undefined, () => log.open(campaignId, generation, archived, late(listener))),
    append: (...args) => call(faults.appends.shift(), () => log.append(...args)),
    seed: (...args) => call(undefined, () => log.seed(...args)),
    remove: (...args) => call(faults.appends.shift(), () => log.remove(...args)),
    clear: (...args) => call(undefined, () => log.clear(...args)),
    remainder: (...args) => call(undefined, () => log.remainder(...args)),
    close: (...args) => call(undefined, () => log.close(...args)),
    read: (...args) => call(undefined, () => log.read(...args)),
    pending: (...args) => call(undefined, () => log.pending(...args)),
    markDurable: (...args) => call(undefined, () => log.markDurable(...args)),
  };
}
