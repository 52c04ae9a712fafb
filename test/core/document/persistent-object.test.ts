import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptTextOf } from '../../../server/core/document/kept-text.ts';
import { PersistentObject, type Node } from '../../../server/core/document/persistent-object.ts';
import type { JsonObject, JsonValue } from '../../../server/core/json.ts';
import { naiveDiff } from '../naive.ts';

/** Keys of every order that JavaScript has: those that look like an index come first, the others as they were added. */
const keys = fc.oneof(
  fc.nat(120).map((number) => `k${number}`),
  fc.nat(12).map(String),
  fc.constantFrom('', 'toString', '-1', '01', 'é', '𝄞'),
);

interface Step {
  readonly key: string;
  readonly value: number | undefined;
}

const steps = fc.array(fc.record<Step>({ key: keys, value: fc.option(fc.nat(3), { nil: undefined, freq: 3 }) }), {
  maxLength: 120,
});

const objects: fc.Arbitrary<JsonObject> = fc.dictionary(keys, fc.nat(3), { maxKeys: 150, noNullPrototype: true });

function changed(object: JsonObject, { key, value }: Step): JsonObject {
  const { ...copy } = object;
  if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

function nodesOf(node: Node): Node[] {
  return 'children' in node ? [node, ...node.children.flatMap(nodesOf)] : [node];
}

function numbered(members: number): JsonObject {
  return Object.fromEntries(Array.from({ length: members }, (_none, index) => [`k${index.toString(36)}`, index]));
}

describe('persistent objects', () => {
  it('C18 a persistent object is what a plain one is after the same changes, in the same order', () => {
    fc.assert(
      fc.property(objects, steps, (start, changes) => {
        let plain: JsonObject = start;
        let version = PersistentObject.of(start);
        for (const step of changes) {
          plain = changed(plain, step);
          version = step.value === undefined ? version.without(step.key) : version.with(step.key, step.value);
          expect(version.size).toBe(Object.keys(plain).length);
          expect(version.get(step.key)).toBe(step.value);
        }
        // Made of what the tree holds, and not of what it was made of.
        const made = version.with('new', 1).without('new').toPlain();
        expect(JSON.stringify(made)).toBe(JSON.stringify(plain));
        expect(version.with('new', { a: 1 }).toText()).toBe(JSON.stringify({ ...plain, new: { a: 1 } }));
        for (const key of Object.keys(plain)) expect(version.get(key)).toBe(plain[key]);
        expect(version.get('missing')).toBeUndefined();
      }),
    );
  });

  it('C18 the text of a large object, of which that of unchanged members is kept, is that of a plain one after every change', () => {
    const member = fc.record<Step>({
      key: fc.oneof(
        fc.nat(1_600).map((number) => `k${number.toString(36)}`),
        fc.constantFrom('a "quoted" key', 'é', 'new'),
      ),
      value: fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
    });
    fc.assert(
      fc.property(fc.array(member, { maxLength: 20 }), fc.boolean(), (changes, endsWithIndex) => {
        let plain = numbered(1_500);
        let version = PersistentObject.of(plain);
        const texts = new Map<PersistentObject, string>();
        const last: Step[] = endsWithIndex ? [{ key: '7', value: 1 }] : [];
        for (const step of [...changes, ...last]) {
          plain = changed(plain, step);
          version = step.value === undefined ? version.without(step.key) : version.with(step.key, step.value);
          texts.set(version, JSON.stringify(plain));
          expect(version.toText()).toBe(JSON.stringify(plain));
          expect(keptTextOf(version)).toBe(JSON.stringify(plain));
          // One that has a place in common with the next.
          const other = changed(plain, { key: 'other', value: 1 });
          expect(keptTextOf(version.with('other', 1))).toBe(JSON.stringify(other));
          // All are the same in another order, which nothing but their places tells.
          const again = numbered(1_500);
          const removed = version.withAll(Object.keys(again).map((key) => [key, undefined]));
          const anew = removed.withAll(Object.entries(again).toReversed());
          expect(keptTextOf(anew)).toBe(JSON.stringify(anew.toPlain()));
        }
        for (const [earlier, text] of [...texts].toReversed()) expect(keptTextOf(earlier)).toBe(text);
        // Of which most places are empty.
        let worn = version;
        for (let round = 0; round < 5; round += 1) {
          const all = worn.keys();
          worn = worn.withAll(all.map((key) => [key, undefined])).withAll(all.map((key) => [key, round]));
        }
        const text = JSON.stringify(Object.fromEntries(version.keys().map((key) => [key, 4])));
        expect([worn.toText(), keptTextOf(worn)]).toEqual([text, text]);
      }),
      { numRuns: 20 },
    );
  });

  it('C18 many changes at once are the same as one after the other', () => {
    fc.assert(
      fc.property(objects, steps, (start, changes) => {
        const map = new Map(changes.map(({ key, value }) => [key, value]));
        let expected = PersistentObject.of(start);
        for (const [key, value] of map)
          expected = value === undefined ? expected.without(key) : expected.with(key, value);
        const version = PersistentObject.of(start).withAll([...map]);
        expect(version.size).toBe(expected.size);
        // Also after a further change, by which new members still come last.
        const [made, wanted] = [version, expected].map((object) => object.with('new', 1).toText());
        expect(made).toBe(wanted);
        for (const key of map.keys()) expect(version.get(key)).toBe(expected.get(key));
      }),
    );
  });

  it('C18 no version changes once it is made', () => {
    fc.assert(
      fc.property(objects, steps, (start, changes) => {
        const versions = [{ plain: start, version: PersistentObject.of(start) }];
        for (const step of changes) {
          const newest = versions.at(-1);
          if (!newest) continue;
          const { key, value } = step;
          const version = value === undefined ? newest.version.without(key) : newest.version.with(key, value);
          versions.push({ plain: changed(newest.plain, step), version });
        }
        for (const { plain, version } of versions)
          expect(JSON.stringify(version.toPlain())).toBe(JSON.stringify(plain));
      }),
    );
  });

  it('C18 the difference of any two versions names what a comparison of all members finds, in the same order', () => {
    fc.assert(
      fc.property(objects, steps, steps, fc.boolean(), (start, some, others, related) => {
        const follow = (first: PersistentObject, given: readonly Step[]) =>
          given.reduce(
            (version, { key, value }) => (value === undefined ? version.without(key) : version.with(key, value)),
            first,
          );
        const from = follow(PersistentObject.of(start), some);
        const to = follow(related ? from : PersistentObject.of({ ...start }), others);
        const { removed, present } = from.difference(to);
        const found: Record<string, JsonValue> = {};
        for (const key of removed) found[key] = null;
        for (const key of present) found[key] = to.toPlain()[key] ?? null;
        expect(JSON.stringify(found)).toBe(JSON.stringify(naiveDiff(from.toPlain(), to.toPlain())));
      }),
    );
  });

  it('C19 a change makes one path of nodes anew, however many members there are', () => {
    for (const members of [100, 1_000, 18_000]) {
      const start = PersistentObject.of(numbered(members));
      const known = new Set(nodesOf(start.root));
      const height = Math.ceil(Math.log(members) / Math.log(8));
      for (const version of [start.with('k1a', 'x'), start.with('new', 1), start.without('k1a')]) {
        const made = nodesOf(version.root).filter((node) => !known.has(node));
        expect(made.length).toBeGreaterThan(0);
        expect(made.length).toBeLessThanOrEqual(height + 1);
      }
    }
  });

  it('C19 stays shallow and narrow whatever is added and removed', () => {
    let version = PersistentObject.of({});
    for (let index = 0; index < 5_000; index += 1) version = version.with(`k${(index * 7_919) % 5_000}`, index);
    const depthOf = (node: Node): number => ('children' in node ? 1 + Math.max(...node.children.map(depthOf)) : 1);
    expect(depthOf(version.root)).toBeLessThanOrEqual(5);
    for (const node of nodesOf(version.root))
      expect('children' in node ? node.children.length : node.entries.length).toBeLessThanOrEqual(16);
    for (let index = 0; index < 5_000; index += 1) version = version.without(`k${index}`);
    expect(version.size).toBe(0);
    expect(nodesOf(version.root)).toHaveLength(1);
    expect(version.with('a', 1).toPlain()).toEqual({ a: 1 });
  });

  it('C13 the plain form is made once, and is known again', () => {
    const start = numbered(100);
    const version = PersistentObject.of(start);
    expect(version.toPlain()).toBe(start);
    expect(PersistentObject.of(start)).toBe(version);
    const next = version.with('k0', { a: 1 });
    expect(next.toPlain()).toBe(next.toPlain());
    expect(PersistentObject.of(next.toPlain())).toBe(next);
    expect(next.with('k1', 5).toPlain()['k0']).toBe(next.get('k0'));
    expect(version.with('k0', 0)).toBe(version);
    expect(version.without('missing')).toBe(version);
  });
});
