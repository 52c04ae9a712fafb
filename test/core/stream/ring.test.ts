import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRing, type Ring, type Versioned } from '../../../server/core/stream/ring.ts';

interface Item extends Versioned {
  text: string;
}

/** What a ring is, without any cleverness: a list that forgets from its front. */
function createPlain(maxItems: number, maxBytes: number, first: number): Ring<Item> {
  let list: { item: Item; bytes: number }[] = [];
  let floor = first;
  const sum = (): number => list.reduce((total, { bytes }) => total + bytes, 0);
  return {
    push(item, bytes) {
      if (item.version !== floor + list.length + 1) {
        list = [];
        floor = item.version - 1;
      }
      list.push({ item, bytes });
      while (list.length > 1 && (list.length > maxItems || sum() > maxBytes)) {
        list.shift();
        floor += 1;
      }
    },
    after(version) {
      if (version < floor || version > floor + list.length) return undefined;
      return list.map(({ item }) => item).filter((item) => item.version > version);
    },
    get floor() {
      return floor;
    },
    get size() {
      return list.length;
    },
    clear(version) {
      list = [];
      floor = version;
    },
  };
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant('next' as const),
        bytes: fc.oneof(fc.nat(30), fc.integer({ min: 80, max: 140 })),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('jump' as const),
        by: fc.integer({ min: -3, max: 5 }),
        bytes: fc.nat(30),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), floor: fc.nat(20) }) },
  ),
  { maxLength: 120, size: 'max' },
);

describe('ring', () => {
  it('R1 answers like a plain list, for every version, after every step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 120 }),
        fc.nat(9),
        steps,
        (maxItems, maxBytes, floor, moves) => {
          const ring = createRing<Item>(maxItems, maxBytes, floor);
          const plain = createPlain(maxItems, maxBytes, floor);
          let version = floor;
          for (const [index, move] of moves.entries()) {
            if (move.kind === 'clear') {
              version = move.floor;
              ring.clear(version);
              plain.clear(version);
            } else {
              version = Math.max(1, version + 1 + (move.kind === 'jump' ? move.by : 0));
              const item = { version, text: `${index}` };
              ring.push(item, move.bytes);
              plain.push(item, move.bytes);
            }
            expect(ring.floor).toBe(plain.floor);
            expect(ring.size).toBe(plain.size);
            for (let from = ring.floor - 2; from <= version + 2; from += 1)
              expect(ring.after(from)).toEqual(plain.after(from));
          }
        },
      ),
    );
  });

  it('R2 G10 holds at most so many items, and exactly so many', () => {
    const ring = createRing<Item>(3, 1_000, 0);
    for (let version = 1; version <= 100; version += 1) {
      ring.push({ version, text: 'x' }, 1);
      expect(ring.size).toBe(Math.min(version, 3));
    }
    expect(ring.after(97)?.map(({ version }) => version)).toEqual([98, 99, 100]);
    expect(ring.after(96)).toBeUndefined();
  });

  it('R2 G10 holds at most so many bytes, and exactly so many; the newest item stays, however large', () => {
    const ring = createRing<Item>(100, 10, 0);
    for (let version = 1; version <= 4; version += 1) ring.push({ version, text: 'x' }, 5);
    expect(ring.size).toBe(2);
    ring.push({ version: 5, text: 'large' }, 11);
    expect(ring.after(4)?.map(({ text }) => text)).toEqual(['large']);
    expect(ring.floor).toBe(4);
    ring.push({ version: 6, text: 'small' }, 1);
    expect(ring.after(5)?.map(({ text }) => text)).toEqual(['small']);
    expect(ring.floor).toBe(5);
  });

  it('R3 knows the difference between nothing new and not knowing', () => {
    const ring = createRing<Item>(4, 100, 7);
    expect(ring.after(7)).toEqual([]);
    expect(ring.after(6)).toBeUndefined();
    expect(ring.after(8)).toBeUndefined();
    ring.push({ version: 8, text: 'a' }, 1);
    expect(ring.after(8)).toEqual([]);
    expect(ring.after(7)).toHaveLength(1);
    expect(ring.after(9)).toBeUndefined();
  });

  it('R4 bridges no gap: an item that does not follow starts it again', () => {
    const ring = createRing<Item>(4, 100, 0);
    ring.push({ version: 1, text: 'a' }, 1);
    ring.push({ version: 3, text: 'c' }, 1);
    expect(ring.floor).toBe(2);
    expect(ring.after(0)).toBeUndefined();
    expect(ring.after(1)).toBeUndefined();
    expect(ring.after(2)?.map(({ text }) => text)).toEqual(['c']);
  });

  it('R4 hands out lists of its own', () => {
    const ring = createRing<Item>(4, 100, 0);
    ring.push({ version: 1, text: 'a' }, 1);
    ring.after(0)?.push({ version: 9, text: 'stranger' });
    expect(ring.after(0)).toEqual([{ version: 1, text: 'a' }]);
  });
});
