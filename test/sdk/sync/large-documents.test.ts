import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPendingEdits } from '../../../client-sdk/src/sync/pending-edits.ts';
import { fold, positionOf, type Mirror } from '../../../client-sdk/src/sync/mirror.ts';
import { nextUndo, recordStep, type UndoStacks } from '../../../client-sdk/src/sync/undo.ts';
import { undoableEdit } from '../../../client-sdk/src/sync/undoable-edit.ts';
import { loadTreeWhenNeeded } from '../../../client-sdk/src/sync/large-documents.ts';
import { shareStructure } from '../../../client-sdk/src/sync/structural-sharing.ts';
import type { EditCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import { asCampaign } from '../../../server/core/document/campaign.ts';
import {
  knownLargeForm,
  LargeObject,
  plainOf,
  provideLargeObjects,
} from '../../../server/core/document/document-tree.ts';
import { patchTree } from '../../../server/core/document/merge-patch.ts';
import { PersistentObject } from '../../../server/core/document/persistent-object.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { WAIT } from '../../support/wait.ts';

const MANY: JsonObject = Object.fromEntries(
  Array.from({ length: 18_000 }, (_none, index) => [`k${index.toString(36)}`, 0]),
);

beforeEach(() => provideLargeObjects(PersistentObject));
afterEach(() => provideLargeObjects(undefined));

function snapshotOf(state: JsonObject): Mirror {
  const folded = fold(undefined, {
    type: 'snapshot',
    position: 'e:1',
    durableVersion: 1,
    state: asCampaign(state),
    reason: 'start',
  });
  if (folded.kind !== 'folded') throw new Error('a snapshot folds');
  return folded.mirror;
}

test.each<[string, JsonObject, (round: number) => JsonObject]>([
  ['at the top', { ...MANY, title: 't' }, (round) => ({ k1a: round })],
  ['in a section', { title: 't', commerce: MANY }, (round) => ({ commerce: { k1a: round } })],
])(
  'C19 an edit, its entry and its undo cost the same in a document of 18,000 members: %s',
  (_where, state, updates) => {
    let mirror = snapshotOf(state);
    const edits = createPendingEdits('c', mirror);
    let steps: UndoStacks = { undo: [], redo: [] };
    const round = (number: number): void => {
      const command: EditCommand = { type: 'update', updates: updates(number) };
      const mutationId = `m${number}`;
      const before = edits.view();
      const undoable = undoableEdit(mutationId, before, command);
      if (undoable) steps = recordStep(steps, undoable, 'edit');
      edits.add({ mutationId, command, base: positionOf(mirror) }, number, { kind: 'waiting' });
      expect(nextUndo(steps, 'undo', edits.view())?.command).toMatchObject({ type: 'update' });
      const optimistic = edits.view();
      const change = effect(before, command);
      const entry = { version: mirror.version + 1, change, at: number, mutationId };
      const folded = fold(mirror, { type: 'entries', epoch: 'e', entries: [entry] });
      if (folded.kind !== 'folded') throw new Error('it follows');
      ({ mirror } = folded);
      edits.onMirror(mirror, folded.entries, false);
      // What was shown before the server confirmed it is shown still: nothing renders anew.
      expect(edits.view()).toBe(optimistic);
    };
    round(1);
    const plain = vi.spyOn(PersistentObject.prototype, 'toPlain');
    const made = vi.spyOn(PersistentObject, 'of');
    for (let number = 2; number < 20; number += 1) round(number);
    const [read, converted] = [plain.mock.calls.length, made.mock.calls.length];
    plain.mockRestore();
    made.mockRestore();
    expect([read, converted]).toEqual([0, 0]);
    expect(plainOf(edits.view())).toEqual(plainOf(patchTree(state, updates(19))));
  },
);

test('K32 structural sharing in a large document: unchanged parts are the old objects, after a snapshot too', () => {
  const previous = { ...MANY, a: { b: 1 }, list: [{ c: 1 }, { d: 1 }], gone: 1 };
  expect(shareStructure(previous, structuredClone(previous))).toBe(previous);
  const { gone: _gone, ...rest } = structuredClone(previous);
  const next = { ...rest, list: [{ c: 1 }, { d: 2 }], new: { e: 1 } };
  const shared = plainOf(shareStructure(previous, next));
  expect(JSON.stringify(shared)).toBe(JSON.stringify(next));
  expect(shared['a']).toBe(previous.a);
  expect(shared['list']).not.toBe(previous.list);
  expect((shared['list'] as JsonObject[])[0]).toBe(previous.list[0]);
  // From one version to another, and back to a plain copy.
  const edited = patchTree(previous, { k1a: 'x' });
  expect(plainOf(shareStructure(previous, edited))['a']).toBe(previous.a);
  expect(shareStructure(edited, structuredClone(plainOf(edited)))).toBe(edited);
});

test('K280 a page loads the tree when a document first has an object of many members, and shows the same before', async () => {
  provideLargeObjects(undefined);
  loadTreeWhenNeeded();
  const few = { title: 't', commerce: { a: 1 } };
  expect(patchTree(few, { commerce: { a: 2 } })).toEqual({ title: 't', commerce: { a: 2 } });
  expect(knownLargeForm(few)).toBeUndefined();
  const many = { title: 't', commerce: MANY };
  const before = patchTree(many, { commerce: { k1a: 1, gone: null, new: 1 } });
  expect(before).toEqual({ title: 't', commerce: { ...MANY, k1a: 1, new: 1 } });
  expect(before).not.toBeInstanceOf(LargeObject);
  await vi.waitFor(() => expect(patchTree(many, { commerce: { k1a: 1 } })).toBeInstanceOf(LargeObject), WAIT);
  const after = patchTree(before, { commerce: { k1a: 2 } });
  expect(after).toBeInstanceOf(LargeObject);
  expect(JSON.stringify(plainOf(after))).toBe(JSON.stringify({ title: 't', commerce: { ...MANY, k1a: 2, new: 1 } }));
  expect(MANY['k1a']).toBe(0);
});
