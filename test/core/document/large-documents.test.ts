import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { check } from '../../../server/core/document/check.ts';
import { growthOf } from '../../../server/core/document/document-size.ts';
import { type DocumentTree, plainOf, provideLargeObjects } from '../../../server/core/document/document-tree.ts';
import { diff, mergePatch, patchTree } from '../../../server/core/document/merge-patch.ts';
import { PersistentObject, type Node } from '../../../server/core/document/persistent-object.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import type { EditCommand } from '../../../server/core/commands/command.ts';
import { decide, type Situation } from '../../../server/core/commands/decide.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import { apply, contentOf, treeOf, type CampaignContent } from '../../../server/core/stream/apply.ts';
import { campaignStates, editCommands, enlarged, patches, plainDocuments } from '../arbitraries.ts';
import { naiveDiff, naiveMeaning, naiveMergePatch } from '../naive.ts';

const EDITOR = { id: 'u1', grants: { '*': 'editor' } } as const;

/** Small and large ones, which take different ways through the code. */
const documents = fc
  .tuple(plainDocuments, fc.boolean())
  .map(([document, isLarge]) => (isLarge ? enlarged(document) : document));
const states = fc.tuple(campaignStates, fc.boolean()).map(([state, isLarge]) => (isLarge ? enlarged(state) : state));

// As a server does; a page that has not loaded the tree yet goes without.
describe.each([
  ['with the tree', PersistentObject],
  ['without it', undefined],
])('documents of every size, %s', (_which, forms) => {
  beforeAll(() => provideLargeObjects(forms));
  afterAll(() => provideLargeObjects(undefined));

  it('C18 a patch leads to the same members in the same order, large or small', () => {
    fc.assert(
      fc.property(documents, fc.array(patches, { maxLength: 4 }), (first, changes) => {
        let tree: DocumentTree = first;
        let plain = first;
        for (const patch of changes) {
          tree = patchTree(tree, patch);
          plain = naiveMergePatch(plain, patch) as JsonObject;
        }
        expect(JSON.stringify(plainOf(tree))).toBe(JSON.stringify(plain));
      }),
      { numRuns: 500 },
    );
  });

  it('C18 an effect has the same bytes, large or small', () => {
    fc.assert(
      fc.property(states, fc.array(editCommands, { minLength: 1, maxLength: 4 }), (first, commands) => {
        let content = contentOf(first, undefined);
        let plain = first;
        for (const command of commands) {
          const change = effect(treeOf(content), command);
          expect(JSON.stringify(change)).toBe(JSON.stringify(naiveDiff(plain, naiveMeaning(plain, command))));
          // From the plain form, too, as a client has it.
          expect(JSON.stringify(effect(structuredClone(plain), command))).toBe(JSON.stringify(change));
          content = apply(content, { change, at: 1 });
          plain = naiveMergePatch(plain, change) as JsonObject;
          expect(JSON.stringify(content.state)).toBe(JSON.stringify(plain));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('C18 a difference has the same bytes between any two forms of two documents', () => {
    fc.assert(
      fc.property(documents, fc.array(patches, { maxLength: 3 }), documents, (from, changes, other) => {
        const related = changes.reduce<DocumentTree>(patchTree, from);
        for (const to of [related, plainOf(related), other]) {
          const expected = JSON.stringify(naiveDiff(from, plainOf(to)));
          expect(JSON.stringify(diff(from, to))).toBe(expected);
          expect(JSON.stringify(diff(patchTree(patchTree(from, { tmp: 1 }), { tmp: null }), to))).toBe(expected);
          expect(JSON.stringify(diff(to, from))).toBe(JSON.stringify(naiveDiff(plainOf(to), from)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('C13 shares what a patch leaves, and hands a large target itself back where nothing changes', () => {
    const target = enlarged({ a: { b: [1, { c: 2 }] }, d: 'x', e: { f: 1 } });
    for (const patch of [{}, { a: {} }, { a: { b: [1, { c: 2 }] } }, { d: 'x' }, { g: null }, { a: { f: null } }])
      expect(mergePatch(target, patch)).toBe(target);
    const merged = mergePatch(target, { a: { z: 1 } });
    expect(merged['e']).toBe(target['e']);
    expect(mergePatch(merged, { d: 'y' })['a']).toBe(merged['a']);
  });

  it('C36 knows the exact size after every change, so that no sequence of small ones can pass the limit', () => {
    fc.assert(
      fc.property(documents, fc.array(patches, { maxLength: 6 }), (first, changes) => {
        let tree: DocumentTree = first;
        let bytes = jsonBytes(first);
        for (const patch of changes) {
          const next = patchTree(tree, patch);
          // By the patch that was asked for, and by the minimal one.
          const growth = growthOf(tree, next, patch);
          expect(growthOf(tree, next, diff(tree, next))).toBe(growth);
          bytes += growth;
          tree = next;
          expect(bytes).toBe(jsonBytes(plainOf(tree)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('C36 takes what fits to the byte, and nothing more', () => {
    const state = { slug: 's', title: 't', filler: 'x'.repeat(LIMITS.documentBytes - 200) };
    let situation = situationOf(state);
    let accepted = 0;
    for (let more = 100; more <= 200; more += 1) {
      const decision = decide(situation, { command: update({ note: 'x'.repeat(more) }), identity: EDITOR }, check);
      const bytes = jsonBytes({ ...state, note: 'x'.repeat(more) });
      expect(decision.kind).toBe(bytes <= LIMITS.documentBytes ? 'entry' : 'rejected');
      if (decision.kind !== 'entry') continue;
      situation = { ...situation, ...decision.after };
      expect(situation.documentBytes).toBe(bytes);
      accepted += 1;
    }
    expect(accepted).toBeGreaterThan(20);
    expect(accepted).toBeLessThan(100);
  });
});

function update(updates: JsonObject): EditCommand {
  return { type: 'update', updates };
}

function situationOf(state: JsonObject): Situation {
  const content = contentOf(state, undefined);
  return { campaignId: 'c', epoch: 'e', version: 1, lineage: [], content, documentBytes: jsonBytes(state) };
}

/** The object, with a count of how often somebody asks it for its members. */
function counted(object: JsonObject): { object: JsonObject; asked: () => number } {
  let asked = 0;
  const count =
    <A extends unknown[], R>(original: (...given: A) => R) =>
    (...given: A): R => {
      asked += 1;
      return original(...given);
    };
  const proxy = new Proxy<JsonObject>(object, {
    get: count(Reflect.get),
    has: count(Reflect.has),
    ownKeys: count(Reflect.ownKeys),
    getOwnPropertyDescriptor: count(Reflect.getOwnPropertyDescriptor),
  });
  return { object: proxy, asked: () => asked };
}

function nodesOf(node: Node): Node[] {
  if ('children' in node) return [node, ...node.children.flatMap(nodesOf)];
  return [node, ...node.entries.flatMap(({ value }) => (value instanceof PersistentObject ? nodesOf(value.root) : []))];
}

function nodesOfContent(content: CampaignContent): Node[] {
  const tree = treeOf(content);
  return tree instanceof PersistentObject ? nodesOf(tree.root) : [];
}

const MANY = Object.fromEntries(Array.from({ length: 18_000 }, (_none, index) => [`k${index.toString(36)}`, 0]));

const batchOf = (make: (index: number) => JsonObject, round: number): EditCommand => ({
  type: 'batch',
  commands: Array.from({ length: 100 }, (_none, index) => ({ type: 'update', updates: make(round * 100 + index) })),
});

describe('the work of a small change', () => {
  beforeAll(() => provideLargeObjects(PersistentObject));
  afterAll(() => provideLargeObjects(undefined));

  it.each<[string, (many: JsonObject) => JsonObject, (round: number) => EditCommand]>([
    ['at the top', (many) => many, (round) => update({ z: round })],
    ['at the top, of a key among many', (many) => many, (round) => update({ k1a: round, k2b: null })],
    ['in a batch of a hundred', (many) => many, (round) => batchOf((value) => ({ z: value }), round)],
    ['in an open section', (many) => ({ commerce: many }), (round) => update({ commerce: { k1a: round } })],
    ['in a known record', (many) => ({ theme: many }), (round) => update({ theme: { k1a: round } })],
    ['beside a large section', (many) => ({ views: { all: many } }), (round) => update({ title: `t${round}` })],
    [
      'deep in it',
      (many) => ({ views: { all: { many } } }),
      (round) => update({ views: { all: { many: { z: round } } } }),
    ],
    [
      'by section',
      (many) => ({ theme: many }),
      (round) => ({ type: 'updateConfig', section: 'theme', value: { z: round } }),
    ],
    ['without effect', (many) => many, () => update({ k1a: 0, missing: null })],
    ['refused', (many) => many, () => update({ title: 7 })],
  ])('C19 is the same in a document of 18,000 members: %s', (_where, around, command) => {
    const { object, asked } = counted(MANY);
    const state = around(object);
    let situation: Situation = { ...situationOf({}), content: contentOf({ slug: 's', title: 't' }, undefined) };
    // The first change that touches a level makes its tree.
    situation = { ...situation, content: apply(situation.content, { change: state, at: 1 }) };
    const step = (round: number): number => {
      const decision = decide(situation, { command: command(round), identity: EDITOR }, check);
      if (decision.kind !== 'entry') return 0;
      const before = new Set(nodesOfContent(situation.content));
      const content = apply(situation.content, { change: decision.change, at: round });
      const made = nodesOfContent(content).filter((node) => !before.has(node)).length;
      situation = { ...situation, ...decision.after, content };
      return made;
    };
    step(1);
    const before = asked();
    const plain = vi.spyOn(PersistentObject.prototype, 'toPlain');
    for (let round = 2; round < 20; round += 1) expect(step(round)).toBeLessThanOrEqual(12);
    expect(asked()).toBe(before);
    const made = plain.mock.calls.length;
    plain.mockRestore();
    expect(made).toBe(0);
  });
});
