import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatResumeId,
  joining,
  step,
  type Cursor,
  type Timeline,
  type ReaderState,
  type Step,
} from '../../../server/core/stream/cursor.ts';
import type { Fork } from '../../../server/core/stream/position.ts';
import { createRing } from '../../../server/core/stream/ring.ts';

/** An entry of the model: what it wrote is told from anything else that was ever written at that version. */
interface Written {
  version: number;
  mark: string;
}

const RING_ITEMS = 6;

/** A campaign's timeline, with all entries that were ever on it. */
function createWorld() {
  let epoch = 'e0';
  let marks: string[] = [];
  let lineage: Fork[] = [];
  let durable = 0;
  let count = 0;
  let ring = createRing<Written>(RING_ITEMS, 1_000_000, 0);
  return {
    write(entries: number) {
      for (let left = entries; left > 0; left -= 1) {
        count += 1;
        const mark = `${epoch}#${count}`;
        marks = [...marks, mark];
        ring.push({ version: marks.length, mark }, 1);
      }
    },
    commit(entries: number) {
      durable = Math.min(marks.length, durable + entries);
    },
    /** Forks the timeline after the watermark; a reload knows the last `recent` entries before the fork. */
    fork(lose: number, recent: number) {
      const fromVersion = Math.max(durable, marks.length - lose);
      const next = `e${lineage.length + 1}`;
      lineage = [...lineage, { epoch: next, parent: epoch, fromVersion }];
      epoch = next;
      marks = marks.slice(0, fromVersion);
      ring = createRing<Written>(RING_ITEMS, 1_000_000, Math.max(0, fromVersion - recent));
      for (const [index, mark] of marks.entries()) if (index >= ring.floor) ring.push({ version: index + 1, mark }, 1);
    },
    timeline: (): Timeline => ({
      epoch,
      version: marks.length,
      lineage,
      ringFloor: ring.floor,
      durableVersion: durable,
    }),
    marks: () => marks,
    after: (version: number) => ring.after(version),
  };
}

type World = ReturnType<typeof createWorld>;

/** Where a subscriber once stood, and what it knew there. */
interface Stood {
  id: string;
  knows: readonly string[];
}

/** A subscriber that believes what it is told and folds it. */
function createSubscriber(world: World, receipts: boolean) {
  let cursor: Cursor = joining(undefined, '');
  let knows: readonly string[] = [];
  let epoch = '';
  let durable = -1;
  /** What is expected of the next answer to a resume: what was known there. */
  let resumes: Stood | undefined;
  let fresh = true;
  let lagging = false;
  const stood: Stood[] = [];

  /** One pull; false where there was nothing to be had. */
  const pull = (buffer: number): boolean => {
    const timeline = world.timeline();
    const known = resumes ? resumes.knows : knows;
    const onTimeline = known.every((mark, index) => world.marks()[index] === mark);
    const missing = timeline.version - known.length;
    const taken: Step = step(cursor, timeline, { lagging, buffer, receipts });
    const joins = cursor.phase === 'joining';
    cursor = taken.cursor;
    if (taken.kind === 'idle') {
      expect(joins).toBe(false);
      // Nothing to send means: this subscriber has everything (G9).
      expect(knows).toEqual(world.marks());
      expect(epoch).toBe(timeline.epoch);
      if (receipts) expect(durable).toBe(timeline.durableVersion);
      return false;
    }
    switch (taken.kind) {
      case 'snapshot': {
        // Whole where it can be, a snapshot where it must be, and the reason is the true one.
        const lost = !fresh && !onTimeline;
        const slow = !fresh && !lost && lagging && missing > buffer;
        const tooFar = !fresh && !lost && !slow && known.length < timeline.ringFloor;
        expect(fresh || lost || slow || tooFar).toBe(true);
        expect(taken.reason).toBe(fresh ? 'start' : lost ? 'reset' : slow ? 'slow' : joins ? 'too-old' : 'slow');
        knows = world.marks();
        durable = timeline.durableVersion;
        break;
      }
      case 'entries': {
        expect(fresh).toBe(false);
        expect(onTimeline).toBe(true);
        expect(lagging && missing > buffer).toBe(false);
        // G1: exactly on what was seen.
        expect(taken.after).toBe(known.length);
        const entries = world.after(taken.after);
        if (!entries) throw new Error('a hole');
        expect(entries.map(({ version }) => version)).toEqual(entries.map((_entry, index) => known.length + 1 + index));
        knows = [...known, ...entries.map(({ mark }) => mark)];
        break;
      }
      case 'durable':
        expect(receipts).toBe(true);
        expect(taken.version).toBeGreaterThan(epoch === timeline.epoch ? durable : -1);
        expect(taken.version).toBeLessThanOrEqual(timeline.version);
        expect(taken.version).toBe(timeline.durableVersion);
        durable = taken.version;
        break;
    }
    if (epoch !== timeline.epoch && taken.kind === 'entries') durable = -1;
    epoch = timeline.epoch;
    lagging = false;
    resumes = undefined;
    fresh = false;
    // Whatever was sent, and by whichever way: what the subscriber has folded is the state (G6).
    expect(knows).toEqual(world.marks());
    stood.push({ id: formatResumeId(timeline.epoch, timeline.version, ''), knows });
    return true;
  };

  return {
    pull,
    congest: () => {
      lagging = true;
    },
    /** Comes back with an id that it once was given: the newest, or any other. */
    reconnect(index: number) {
      const at = stood.at(-1 - (index % Math.max(1, stood.length)));
      cursor = joining(at?.id, '');
      resumes = at;
      fresh = at === undefined;
      durable = -1;
    },
    close() {
      cursor = { phase: 'closed' };
    },
  };
}

const moves = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 8, arbitrary: fc.constant({ kind: 'pull' as const, count: 0 }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 6 }) }),
    },
    { weight: 3, arbitrary: fc.constant({ kind: 'congest' as const, count: 0 }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), count: fc.nat(12) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('fork' as const), count: fc.nat(7) }) },
  ),
  { maxLength: 60, size: 'max' },
);

describe('cursor', () => {
  it('R10 G1 a subscriber that folds what it is given has the state, whatever happens to it and to the timeline', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        moves,
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (script, buffer, receipts, recent) => {
          const world = createWorld();
          const subscriber = createSubscriber(world, receipts);
          for (const { kind, count } of script) {
            if (kind === 'write') world.write(count);
            else if (kind === 'commit') world.commit(count);
            else if (kind === 'fork') world.fork(count, recent);
            else if (kind === 'congest') subscriber.congest();
            else if (kind === 'reconnect') subscriber.reconnect(count);
            else subscriber.pull(buffer);
            seen.add(kind);
          }
          // When it is quiet, a few pulls bring everyone to rest.
          let pulls = 0;
          while (subscriber.pull(buffer)) pulls += 1;
          expect(pulls).toBeLessThanOrEqual(3);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(seen.size).toBe(6);
  });

  const timeline = (given: Partial<Timeline> = {}): Timeline => ({
    epoch: 'e1',
    version: 100,
    lineage: [],
    ringFloor: 50,
    durableVersion: 90,
    ...given,
  });
  const reader = (given: Partial<ReaderState> = {}): ReaderState => ({
    lagging: false,
    buffer: 16,
    receipts: false,
    ...given,
  });
  const live = (version: number, epoch = 'e1', durable = 90): Cursor => ({ phase: 'live', epoch, version, durable });

  it('R11 begins with a snapshot', () => {
    const first = step(joining(undefined, ''), timeline(), reader());
    expect(first).toEqual({ kind: 'snapshot', reason: 'start', cursor: live(100) });
    expect(step(first.cursor, timeline(), reader()).kind).toBe('idle');
  });

  it('R12 a resume gets the entries that it missed, even none, where the ring holds all of them', () => {
    expect(step(joining('e1:97', ''), timeline(), reader())).toMatchObject({ kind: 'entries', after: 97 });
    expect(step(joining('e1:50', ''), timeline(), reader())).toMatchObject({ kind: 'entries', after: 50 });
    expect(step(joining('e1:100', ''), timeline(), reader())).toMatchObject({ kind: 'entries', after: 100 });
    expect(step(joining('e1:49', ''), timeline(), reader())).toMatchObject({ kind: 'snapshot', reason: 'too-old' });
  });

  it('R12 an id that cannot be read, or that was reached under other rights, starts again with a snapshot', () => {
    for (const id of ['', 'nonsense', 'e1', 'e1:1:2', 'e1:99999999999999999', '.abc', 'e1:97.']) {
      const taken = step(joining(id, ''), timeline(), reader());
      // The last one reads as the full view, which it is.
      if (id === 'e1:97.') expect(taken).toMatchObject({ kind: 'entries', after: 97 });
      else expect(taken).toMatchObject({ kind: 'snapshot', reason: 'too-old' });
    }
    expect(step(joining('e1:97.abc', ''), timeline(), reader())).toMatchObject({ kind: 'snapshot', reason: 'view' });
    expect(step(joining('e1:97', 'abc'), timeline(), reader())).toMatchObject({ kind: 'snapshot', reason: 'view' });
    expect(step(joining('e1:97.abd', 'abc'), timeline(), reader())).toMatchObject({ kind: 'snapshot', reason: 'view' });
    expect(step(joining(formatResumeId('e1', 97, 'abc'), 'abc'), timeline(), reader())).toMatchObject({
      kind: 'entries',
      after: 97,
    });
  });

  it('R13 across forks a position on the current timeline resumes, and any other is sent a reset', () => {
    const forked = timeline({ epoch: 'e2', version: 110, lineage: [{ epoch: 'e2', parent: 'e1', fromVersion: 95 }] });
    for (const [at, kind] of [
      [95, 'entries'],
      [94, 'entries'],
      [96, 'snapshot'],
      [110, 'snapshot'],
    ] as const) {
      const wanted = kind === 'entries' ? { kind, after: at } : { kind, reason: 'reset' };
      expect(step(joining(`e1:${at}`, ''), forked, reader())).toMatchObject(wanted);
      expect(step(live(at), forked, reader())).toMatchObject(wanted);
    }
    expect(step(joining('e9:95', ''), forked, reader())).toMatchObject({ kind: 'snapshot', reason: 'reset' });
    // Nothing is missing, but the positions have another name from here on.
    const quiet = timeline({ epoch: 'e2', lineage: [{ epoch: 'e2', parent: 'e1', fromVersion: 100 }] });
    const told = step(live(100), quiet, reader());
    expect(told).toMatchObject({ kind: 'entries', after: 100, cursor: { epoch: 'e2', version: 100 } });
    expect(step(told.cursor, quiet, reader()).kind).toBe('idle');
  });

  it('R14 lag counts only under backpressure, and then only beyond the buffer', () => {
    expect(step(live(60), timeline(), reader())).toMatchObject({ kind: 'entries', after: 60 });
    expect(step(live(84), timeline(), reader({ lagging: true }))).toMatchObject({ kind: 'entries', after: 84 });
    expect(step(live(83), timeline(), reader({ lagging: true }))).toMatchObject({ kind: 'snapshot', reason: 'slow' });
    expect(step(live(49), timeline(), reader())).toMatchObject({ kind: 'snapshot', reason: 'slow' });
  });

  it('R15 the watermark comes after the entries, moves forward only, and only where it is wanted', () => {
    expect(step(live(100), timeline({ durableVersion: 100 }), reader()).kind).toBe('idle');
    const wants = reader({ receipts: true });
    expect(step(live(99), timeline({ durableVersion: 100 }), wants).kind).toBe('entries');
    const told = step(live(100), timeline({ durableVersion: 100 }), wants);
    expect(told).toMatchObject({ kind: 'durable', version: 100, cursor: { version: 100, durable: 100 } });
    expect(step(told.cursor, timeline({ durableVersion: 100 }), wants).kind).toBe('idle');
    expect(step(told.cursor, timeline({ durableVersion: 99 }), wants).kind).toBe('idle');
    // A resume does not know how far it was told; it is told again.
    const resumed = step(joining('e1:100', ''), timeline(), wants);
    expect(step(resumed.cursor, timeline(), wants)).toMatchObject({ kind: 'durable', version: 90 });
  });

  it('R16 a closed cursor is sent nothing, ever', () => {
    expect(step({ phase: 'closed' }, timeline(), reader({ receipts: true, lagging: true }))).toEqual({
      kind: 'idle',
      cursor: { phase: 'closed' },
    });
  });
});
