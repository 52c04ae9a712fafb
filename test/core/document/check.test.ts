import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SET_FIELDS } from '../../../server/core/document/campaign.ts';
import { check, defineSections } from '../../../server/core/document/check.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { JsonObject, JsonValue } from '../../../server/core/json.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import { cleanJson, jsonBytes } from '../../../server/core/document/plain-json.ts';
import { anyJson } from '../arbitraries.ts';

const BASE: JsonObject = { slug: 's', title: 't' };

/** The verdict on the base document with these fields put in. */
function verdict(change: JsonObject, sections = {}): ReturnType<typeof check> {
  const next = mergePatch(BASE, change);
  return check(next, change, jsonBytes(next), sections);
}

function refusalOf(
  change: JsonObject,
  sections = {},
): { reason: string; path: unknown; limit?: number | undefined; message: string } {
  const checked = verdict(change, sections);
  if (checked.ok) throw new Error(`should have been refused: ${JSON.stringify(change).slice(0, 200)}`);
  const { reason, path, limit, message } = checked.refusal;
  return { reason, path, limit, message };
}

function textOf(bytes: number): string {
  return 'x'.repeat(bytes);
}

function nested(levels: number): JsonValue {
  return JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels)) as JsonValue;
}

describe('check', () => {
  it.each(['slug', 'title'])('C30 %s is required and cannot be removed', (field) => {
    expect(refusalOf({ [field]: null })).toMatchObject({
      reason: 'INVALID',
      path: [field],
      message: `${field}: is required and cannot be removed`,
    });
  });

  it.each<[string, JsonValue, (string | number)[]?]>([
    ['slug', ''],
    ['slug', 7],
    ['title', ''],
    ['title', {}],
    ['description', 1],
    ['status', 'open'],
    ['owner_id', {}],
    ['start_date', '2026-02-30'],
    ['start_date', 'soon'],
    ['end_date', 1_700_000_000_000],
    ['ranking_formula', []],
    ['features', 'chat'],
    ['features', ['a', 'a']],
    ['features', ['a', 1], ['features', 1]],
    ['tags', ['a', null], ['tags', 1]],
    ['channels', {}],
    ['i18n_keys', ['x', 'x']],
    ['broadcast_enabled', 'yes'],
    ['ui_content', []],
    ['ui_content', { banner: 1 }, ['ui_content', 'banner']],
    ['ui_content', { cta: {} }, ['ui_content', 'cta']],
    ['ui_content', { lead_form: [] }, ['ui_content', 'lead_form']],
    ['ui_content', { lead_form: { fields: {} } }, ['ui_content', 'lead_form', 'fields']],
    ['ui_content', { lead_form: { submit_text: 1 } }, ['ui_content', 'lead_form', 'submit_text']],
    ['ui_components', { hero: {} }, ['ui_components', 'hero', 'type']],
    ['ui_components', { hero: { type: 1 } }, ['ui_components', 'hero', 'type']],
    ['ui_components', [{ type: 'hero' }]],
    ['views', 'grid'],
    ['theme', { color: {} }, ['theme', 'color']],
    ['theme', []],
    ['scripts', { welcome: 'hi' }, ['scripts', 'welcome']],
    ['scripts', { welcome: { main_text: 1 } }, ['scripts', 'welcome', 'main_text']],
    ['scripts', { welcome: { steps: {} } }, ['scripts', 'welcome', 'steps']],
    ['scripts', { welcome: { questions: 'who?' } }, ['scripts', 'welcome', 'questions']],
    ['communication', []],
    ['scheduling', 'daily'],
    ['about', ['x']],
  ])('C31 refuses %s: %j, and names the place', (field, value, path = [field]) => {
    const refusal = refusalOf({ [field]: value });
    expect(refusal).toMatchObject({ reason: 'INVALID', path });
    expect(refusal.message.startsWith(`${path.join('.')}: `)).toBe(true);
  });

  it('C31 takes every known field in its shape, and any other key as plain JSON', () => {
    const full: JsonObject = {
      description: '',
      status: 'active',
      owner_id: 'u1',
      start_date: '2026-05-01',
      end_date: '2028-02-29T23:59:59.5+02:00',
      ranking_formula: 'score * 2',
      features: ['a', ''],
      tags: [],
      channels: ['web'],
      i18n_keys: ['k.v'],
      broadcast_enabled: false,
      ui_content: {
        banner: 'b',
        cta: 'c',
        lead_form: { fields: [{ name: 'email' }, 'phone', null], submit_text: 'Go', note: 1 },
        other: [1],
      },
      ui_components: { hero: { type: 'hero', any: { thing: [] } } },
      views: { grid: { columns: 2 } },
      theme: { color: '#fff', gap: 4, dark: true },
      scripts: { welcome: { main_text: 'hi', steps: ['a', { b: 1 }], questions: [], mood: 'kind' } },
      communication: { levels: ['low'], types: { sms: true }, other: 1 },
      scheduling: { cron: '* * * * *' },
      about: { team: [] },
      commerce: { enabled: true, config: { a: [null] } },
      toString: 'just a key',
      hasOwnProperty: 1,
    };
    expect(verdict(full)).toMatchObject({ ok: true });
    for (const [field, value] of Object.entries(full)) expect(verdict({ [field]: value })).toMatchObject({ ok: true });
    for (const date of ['2026-05-01T09:00:00Z', '2026-05-01T09:00', '2026-05-01T09:00:00'])
      expect(verdict({ start_date: date })).toMatchObject({ ok: true });
  });

  it(`C32 takes a document of exactly ${LIMITS.documentBytes} bytes, and not one byte more`, () => {
    const frame = jsonBytes({ ...BASE, filler: '' });
    const fits = { filler: textOf(LIMITS.documentBytes - frame) };
    expect(jsonBytes(mergePatch(BASE, fits))).toBe(LIMITS.documentBytes);
    expect(verdict(fits)).toEqual({ ok: true });
    expect(refusalOf({ filler: `${fits.filler}x` })).toMatchObject({
      reason: 'TOO_LARGE',
      limit: LIMITS.documentBytes,
      message: `the document would take ${LIMITS.documentBytes + 1} bytes; at most ${LIMITS.documentBytes} are allowed`,
    });
  });

  it('C32 counts bytes, not characters', () => {
    const room = LIMITS.documentBytes - jsonBytes({ ...BASE, filler: '' });
    expect(verdict({ filler: 'é'.repeat(Math.floor(room / 2)) }).ok).toBe(true);
    expect(refusalOf({ filler: 'é'.repeat(Math.floor(room / 2) + 1) }).reason).toBe('TOO_LARGE');
  });

  it(`C33 takes ${LIMITS.depth} levels and not one more, however deep`, () => {
    expect(verdict({ views: nested(LIMITS.depth - 1) })).toMatchObject({ ok: true });
    const message = `the document would be nested more than ${LIMITS.depth} levels deep`;
    expect(refusalOf({ views: nested(LIMITS.depth) })).toEqual({
      reason: 'TOO_LARGE',
      path: [],
      limit: LIMITS.depth,
      message,
    });
    const array = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as JsonValue;
    for (const deep of [nested(10_000), array]) {
      expect(check({ ...BASE, deep }, { deep }, 0)).toMatchObject({
        ok: false,
        refusal: { reason: 'TOO_LARGE', limit: LIMITS.depth },
      });
    }
  });

  it('C33 counts the levels of the document, not those of the section that was sent', () => {
    // What `cleanJson` lets pass as a section's value stands one level further down in the document.
    const value = nested(LIMITS.depth) as JsonObject;
    expect(cleanJson(value, []).ok).toBe(true);
    expect(refusalOf(effect(BASE, { type: 'updateConfig', section: 'views', value }))).toMatchObject({
      limit: LIMITS.depth,
    });
  });

  it.each(SET_FIELDS)('C34 %s holds as many strings, and as long ones, as the limits say', (field) => {
    const items = Array.from({ length: LIMITS.setItems }, (_item, index) => `n${index}`);
    expect(verdict({ [field]: items }).ok).toBe(true);
    expect(refusalOf({ [field]: [...items, 'one more'] })).toMatchObject({
      reason: 'TOO_LARGE',
      path: [field],
      limit: LIMITS.setItems,
    });
    expect(verdict({ [field]: [textOf(LIMITS.setItemLength)] }).ok).toBe(true);
    expect(refusalOf({ [field]: [textOf(LIMITS.setItemLength + 1)] })).toMatchObject({
      reason: 'TOO_LARGE',
      path: [field, 0],
      limit: LIMITS.setItemLength,
    });
  });

  it.each([
    ['slug', 200],
    ['title', 500],
    ['owner_id', 200],
  ])('C34 %s holds at most %i characters', (field, limit) => {
    expect(verdict({ [field]: textOf(limit) }).ok).toBe(true);
    expect(refusalOf({ [field]: textOf(limit + 1) })).toMatchObject({ reason: 'TOO_LARGE', path: [field], limit });
  });

  it('C35 holds changes to the sections of who runs the server, beside the known shapes', () => {
    const sections = defineSections({
      ui_content: z.object({ banner: z.string().max(5) }),
      commerce: z.object({ price: z.number() }),
    });
    expect(verdict({ ui_content: { banner: 'short' } }, sections).ok).toBe(true);
    expect(refusalOf({ ui_content: { banner: 'longer' } }, sections)).toMatchObject({
      reason: 'TOO_LARGE',
      path: ['ui_content', 'banner'],
      limit: 5,
    });
    expect(refusalOf({ commerce: { price: '1' } }, sections)).toMatchObject({
      reason: 'INVALID',
      path: ['commerce', 'price'],
    });
    // A section cannot make the known shape wider.
    expect(refusalOf({ title: 7 }, { title: z.any() })).toMatchObject({ path: ['title'] });
    expect(verdict({ commerce: null }, sections).ok).toBe(true);
    expect(verdict({ toString: 1 }, sections).ok).toBe(true);
  });

  it.each<[JsonObject, string]>([
    [{ title: '' }, 'title: must not be empty'],
    [{ title: 7 }, 'title: must be text'],
    [{ title: textOf(501) }, 'title: must have at most 500 characters'],
    [{ status: 'open' }, 'status: must be one of draft, active, paused, ended'],
    [{ start_date: 'soon' }, 'start_date: must be an ISO 8601 date, such as 2026-05-01 or 2026-05-01T09:00:00Z'],
    [{ broadcast_enabled: 'yes' }, 'broadcast_enabled: must be true or false'],
    [{ tags: 'one' }, 'tags: must be a list'],
    [{ tags: ['a', 'a'] }, 'tags: must not name anything twice'],
    [{ features: [textOf(129)] }, 'features.0: must have at most 128 characters'],
    [{ scripts: { faq: { main_text: 1 } } }, 'scripts.faq.main_text: must be text'],
    [{ scripts: [] }, 'scripts: must be an object'],
    [{ ui_components: { hero: {} } }, 'ui_components.hero.type: is required'],
  ])('C40 says what is wrong in words for whoever wrote it: %j', (change, message) => {
    expect(refusalOf(change).message).toBe(message);
  });

  it('C40 says it of the sections of who runs the server too, unless they have words of their own', () => {
    const sections = defineSections({
      commerce: z
        .object({
          price: z.number().min(1).max(9),
          stock: z.int().gt(0),
          codes: z.array(z.string()).min(2),
          unit: z.literal('each'),
        })
        .partial(),
      shop: z.object({ name: z.string('name the shop') }),
    });
    const said = (commerce: JsonObject) => refusalOf({ commerce }, sections).message;
    expect(said({ price: 0 })).toBe('commerce.price: must be at least 1');
    expect(said({ price: 10 })).toBe('commerce.price: must be at most 9');
    expect(said({ stock: 1.5 })).toBe('commerce.stock: must be a whole number');
    expect(said({ stock: 0 })).toBe('commerce.stock: must be more than 0');
    expect(said({ codes: ['a'] })).toBe('commerce.codes: must have at least 2 items');
    expect(said({ unit: 'all' })).toBe('commerce.unit: must be each');
    expect(refusalOf({ shop: {} }, sections).message).toBe('shop.name: name the shop');
  });

  it('C38 never throws, whatever JSON the document and the change are', () => {
    fc.assert(
      fc.property(anyJson, anyJson, fc.boolean(), (stored, sent, required) => {
        const next = typeof stored === 'object' && stored !== null ? (stored as JsonObject) : {};
        const change = typeof sent === 'object' && sent !== null ? (sent as JsonObject) : {};
        for (const [document, patch] of [
          [next, change],
          [change, change],
          [{ ...BASE, ...next }, next],
        ] as const) {
          const checked = check(required ? { ...document, slug: 's' } : document, patch, 0);
          if (!checked.ok) expect(checked.refusal.message).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('C39 looks only at what the change touches: an old document need not pass a newer schema to be edited', () => {
    const old: JsonObject = { ...BASE, status: 'legacy' };
    const edit = { description: 'new' };
    expect(check(mergePatch(old, edit), edit, 0).ok).toBe(true);
    const touch = { status: 'legacy-2' };
    expect(check(mergePatch(old, touch), touch, 0).ok).toBe(false);
  });
});
