import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apply, NOTHING } from '../../../server/core/stream/apply.ts';
import type { Entry } from '../../../server/core/stream/entry.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { diff, mergePatch } from '../../../server/core/document/merge-patch.ts';
import { NO_FIELD_RIGHTS, rightsOf, type Grants, type Role } from '../../../server/core/permissions.ts';
import {
  FULL_VIEW,
  hidesAnywhere,
  isResolved,
  projectEntry,
  projectState,
  restrictedView,
  showsActors,
  viewFor,
  viewKey,
  viewsKey,
  viewsOf,
} from '../../../server/core/stream/views.ts';
import { patches, plainDocuments } from '../arbitraries.ts';
import { canonical } from '../naive.ts';

const SECRET = 'only for those who may';

function entry(version: number, change: JsonObject, given: Partial<Entry> = {}): Entry {
  return {
    version,
    type: 'update',
    change,
    actor: { id: `${SECRET}: actor`, role: 'editor' },
    mutationId: `${SECRET}: mutation`,
    correlationId: `${SECRET}: correlation`,
    comment: `${SECRET}: comment`,
    at: version,
    format: 1,
    ...given,
  };
}

const hiddenLists = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'toString', ''), { maxLength: 4 });

describe('views', () => {
  it('G11 C65 no hidden field and nothing about who did it leaves in a restricted view', () => {
    const view = restrictedView(['owner_id', 'internal']);
    const state = { slug: 's', title: 't', owner_id: SECRET, internal: { note: SECRET } };
    expect(projectState(view, state)).toStrictEqual({ slug: 's', title: 't' });
    const shown = projectEntry(view, entry(4, { title: 'u', owner_id: SECRET, internal: { note: SECRET } }));
    expect(shown).toStrictEqual({ version: 4, change: { title: 'u' }, at: 4 });
    expect(JSON.stringify(shown)).not.toContain(SECRET);
  });

  it('C65 an entry that shows nothing still counts, and an end of editing concerns everyone', () => {
    const view = restrictedView(['owner_id']);
    expect(projectEntry(view, entry(5, { owner_id: 'x' }))).toStrictEqual({ version: 5, change: {}, at: 5 });
    for (const type of ['archive', 'restore'] as const) {
      expect(projectEntry(view, entry(6, {}, { type }))).toStrictEqual({ version: 6, type, change: {}, at: 6 });
    }
    for (const type of ['create', 'rollback', 'batch', 'updateFeatures', 'updateConfig'] as const) {
      expect(projectEntry(view, entry(7, { a: 1 }, { type }))).toStrictEqual({ version: 7, change: { a: 1 }, at: 7 });
    }
  });

  it('G11 C66 what a restricted view shows of a change lies between its two projections, and folds to the last', () => {
    fc.assert(
      fc.property(plainDocuments, fc.array(patches, { maxLength: 6 }), hiddenLists, (first, steps, hidden) => {
        const view = restrictedView(hidden);
        let state = first;
        let shown = projectState(view, state) as JsonObject;
        for (const [index, patch] of steps.entries()) {
          const change = diff(state, mergePatch(state, patch));
          const next = mergePatch(state, change);
          const seen = projectEntry(view, entry(index + 2, change));
          expect(canonical(seen.change)).toBe(
            canonical(diff(projectState(view, state) as JsonObject, projectState(view, next) as JsonObject)),
          );
          shown = apply({ ...NOTHING, state: shown }, seen).state;
          state = next;
        }
        expect(canonical(shown)).toBe(canonical(projectState(view, state)));
      }),
    );
  });

  it('C67 the full view shows everything unchanged', () => {
    const state = { slug: 's', title: 't' };
    const given = entry(2, { a: 1 });
    expect(projectState(FULL_VIEW, state)).toBe(state);
    expect(projectEntry(FULL_VIEW, given)).toBe(given);
    expect(viewKey(FULL_VIEW)).toBe('');
  });

  it('G11 C68 views that hide different fields have different names, and the same fields the same', () => {
    expect(viewKey(restrictedView(['a', 'b']))).toBe(viewKey(restrictedView(['b', 'a', 'b'])));
    const lists = [[], [''], ['a'], ['b'], ['a', 'b'], ['a\nb'], ['ab']];
    expect(new Set(lists.map((hidden) => viewKey(restrictedView(hidden)))).size).toBe(lists.length);
    fc.assert(
      fc.property(hiddenLists, hiddenLists, (one, other) => {
        const same = canonical([...one].sort()) === canonical([...other].sort());
        expect(viewKey(restrictedView(one)) === viewKey(restrictedView(other))).toBe(same);
        // Also a view that hides nothing is not the full one: it names no actors.
        expect(viewKey(restrictedView(one))).toMatch(/^[0-9a-z]+$/);
      }),
    );
  });

  it('G11 C69 callers without a token see the public view, viewers the resolved one of every field, editors everything', () => {
    const views = viewsOf(NO_FIELD_RIGHTS, ['owner_id']);
    expect(viewFor({ id: 'x', grants: { '*': 'admin' }, anonymous: true }, 'c', views)).toBe(views.public);
    expect(viewKey(views.public)).toBe(viewKey(restrictedView(['owner_id'])));
    // By the link to a preview it is somebody outside.
    expect(viewFor({ id: 'key:x', grants: { c: 'viewer' }, isPreview: true }, 'c', views)).toBe(views.public);
    const viewer = viewFor({ id: 'x', grants: { '*': 'viewer' } }, 'c', views);
    expect([isResolved(viewer), viewKey(viewer), showsActors(viewer)]).toEqual([true, '', true]);
    expect(viewFor({ id: 'x', grants: { '*': 'editor' } }, 'c', views)).toBe(FULL_VIEW);
    expect(isResolved(viewFor({ id: 'x', grants: { '*': 'editor' } }, 'c', views, true))).toBe(true);
  });

  it('G11 C79 a role sees every field but those that are for roles above it, and who changed them', () => {
    const rights = rightsOf({ scripts: { read: 'admin' }, commerce: { read: 'editor' }, theme: { write: 'admin' } });
    const views = viewsOf(rights, ['owner_id']);
    const state = { slug: 's', title: 't', owner_id: 'o', scripts: { a: {} }, commerce: { b: 1 }, theme: { c: 1 } };
    const seenBy = (role: Role | undefined) => {
      const identity = { id: 'x', grants: { c: role ?? 'admin' }, ...(role === undefined && { anonymous: true }) };
      return Object.keys(projectState(viewFor(identity, 'c', views), state));
    };
    expect(seenBy('admin')).toEqual(['slug', 'title', 'owner_id', 'scripts', 'commerce', 'theme']);
    expect(seenBy('editor')).toEqual(['slug', 'title', 'owner_id', 'commerce', 'theme']);
    expect(seenBy('viewer')).toEqual(['slug', 'title', 'owner_id', 'theme']);
    expect(seenBy(undefined)).toEqual(['slug', 'title', 'theme']);
    const given = entry(4, { title: 'u', scripts: { a: null }, commerce: { b: 2 } });
    expect(projectEntry(views.byRole.editor, given)).toStrictEqual({
      ...given,
      change: { title: 'u', commerce: { b: 2 } },
    });
    expect(projectEntry(views.byRole.viewer, given)).toStrictEqual({ ...given, change: { title: 'u' } });
    expect(projectEntry(views.byRole.admin, given)).toBe(given);
    expect(showsActors(views.byRole.viewer)).toBe(true);
    expect(showsActors(views.public)).toBe(false);
    expect(hidesAnywhere({ id: 'x', grants: { c: 'admin', d: 'viewer' } }, views, 'commerce')).toBe(true);
    expect(hidesAnywhere({ id: 'x', grants: { c: 'admin', d: 'editor' } }, views, 'commerce')).toBe(false);
    // A caller without any role on it sees no more than the public.
    expect(viewFor({ id: 'x', grants: {} }, 'c', views)).toBe(views.public);
  });

  it('G11 C79 callers see rows alike only where they have the same views of the same campaigns', () => {
    const views = viewsOf(rightsOf({ title: { read: 'editor' }, commerce: { read: 'admin' } }), []);
    const key = (grants: Grants, anonymous = false) =>
      viewsKey({ id: 'x', grants, ...(anonymous && { anonymous }) }, views);
    expect(key({ a: 'viewer', b: 'editor' })).toBe(key({ b: 'editor', a: 'viewer' }));
    const others: Grants[] = [{ '*': 'viewer' }, { '*': 'editor' }, { '*': 'viewer', a: 'editor' }, { a: 'viewer' }];
    const keys = [...others.map((grants) => key(grants)), key({ '*': 'viewer' }, true), key({ '*': 'admin' })];
    expect(new Set(keys).size).toBe(keys.length);
    // A view of the same fields without actors is another one.
    expect(viewKey(restrictedView(['commerce']))).not.toBe(viewKey(views.byRole.editor));
  });
});
