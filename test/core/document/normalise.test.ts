import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN } from '../../../server/core/document/campaign.ts';
import { check } from '../../../server/core/document/check.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { normaliseCampaignFile, type StartCampaign } from '../../../server/core/document/normalise.ts';
import { cleanJson, jsonBytes } from '../../../server/core/document/plain-json.ts';
import { anyJson, campaignStates, plainDocuments } from '../arbitraries.ts';
import { canonical } from '../naive.ts';

function read(content: unknown): StartCampaign[] {
  const normalised = normaliseCampaignFile(content);
  if (!normalised.ok) throw new Error(normalised.refusal.message);
  return normalised.campaigns;
}

function stateOf(content: unknown): JsonObject {
  const [campaign] = read(content);
  if (!campaign) throw new Error('no campaign');
  return campaign.state;
}

function refusal(content: unknown, sections = {}): { message: string; path: unknown } {
  const normalised = normaliseCampaignFile(content, sections);
  if (normalised.ok) throw new Error('should have been refused');
  const { message, path } = normalised.refusal;
  return { message, path };
}

const START = join(import.meta.dirname, '../../../start');
const CAMPAIGNS = join(START, 'campaigns');
const FILES = [join(START, 'default_campaign.json'), ...readdirSync(CAMPAIGNS).map((name) => join(CAMPAIGNS, name))];

const FLAT: JsonObject = { slug: 'summer', title: 'Summer' };

describe('normaliser', () => {
  it.each(FILES.map((path) => [path.slice(START.length + 1), path]))('C70 reads start/%s', (_name, path) => {
    const campaigns = read(JSON.parse(readFileSync(path, 'utf8')));
    expect(campaigns.length).toBeGreaterThan(0);
    for (const { campaignId, state } of campaigns) {
      expect(campaignId).toMatch(CAMPAIGN_ID_PATTERN);
      expect(state['slug']).toBe(campaignId);
      for (const field of [
        'description',
        'status',
        'features',
        'ui_content',
        'ui_components',
        'theme',
        'scripts',
        'communication',
        'scheduling',
      ]) {
        expect(state).toHaveProperty(field);
      }
      expect(JSON.stringify(state['metadata'] ?? {})).not.toContain('service_specific');
    }
  });

  it('C71 takes a flat campaign as it is, and its slug as its id', () => {
    const flat = {
      ...FLAT,
      features: ['a'],
      commerce: { enabled: true, config: {} },
      metadata: { versioning: {}, note: 'x' },
    };
    expect(read(flat)).toStrictEqual([{ campaignId: 'summer', state: flat }]);
    expect(read({ ...FLAT, metadata: 'free text' })).toStrictEqual([
      { campaignId: 'summer', state: { ...FLAT, metadata: 'free text' } },
    ]);
  });

  it('C71 takes any document that may stand, unchanged, and again and again', () => {
    fc.assert(
      fc.property(campaignStates, plainDocuments, (state, metadata) => {
        const once = stateOf({ ...state, metadata: { note: 1, ...metadata } });
        expect(canonical(once)).toBe(canonical({ ...state, metadata: { note: 1, ...metadata } }));
        expect(canonical(stateOf(once))).toBe(canonical(once));
      }),
    );
  });

  it('C72 lifts the older shape: fields, features and scripts', () => {
    const nested = {
      metadata: {
        features: ['chat', 'badges'],
        owner: 'team',
        service_specific: {
          campaign: { slug: 'summer', title: 'Summer', features: ['badges', 'events'], theme: { color: 'red' } },
          localization: { scripts: { welcome: { main_text: 'hi' } }, locale: 'de' },
          media: { kind: 'video' },
        },
      },
    };
    expect(read(nested)).toStrictEqual([
      {
        campaignId: 'summer',
        state: {
          scripts: { welcome: { main_text: 'hi' } },
          slug: 'summer',
          title: 'Summer',
          features: ['badges', 'events', 'chat'],
          theme: { color: 'red' },
          metadata: { owner: 'team', service_specific: { localization: { locale: 'de' }, media: { kind: 'video' } } },
        },
      },
    ]);
  });

  it('C72 leaves no empty metadata behind, and lets the top win', () => {
    const lifted = stateOf({
      title: 'At the top',
      features: ['a'],
      metadata: {
        features: ['b'],
        service_specific: {
          campaign: { slug: 'summer', title: 'Nested', scripts: { nested: {} }, features: ['c'] },
          localization: { scripts: { lost: {} } },
        },
      },
    });
    expect(lifted).toStrictEqual({
      slug: 'summer',
      title: 'At the top',
      scripts: { nested: {} },
      features: ['a', 'c', 'b'],
    });
    expect(stateOf({ ...FLAT, metadata: { features: [] } })).toStrictEqual({ ...FLAT, features: [] });
  });

  it('C73 loses nothing that it does not understand', () => {
    const odd = {
      ...FLAT,
      metadata: {
        versioning: {},
        service_specific: { campaign: 'none', localization: ['de'], other: {} },
        features: { a: true },
      },
    };
    expect(stateOf(odd)).toStrictEqual(odd);
    const listOfScripts = { ...FLAT, metadata: { service_specific: { localization: { scripts: ['hi'] } } } };
    expect(stateOf(listOfScripts)).toStrictEqual(listOfScripts);
    const scalar = { ...FLAT, metadata: { service_specific: 7 } };
    expect(stateOf(scalar)).toStrictEqual(scalar);
    // Metadata on both levels: what stands further out wins, what stands further in stays.
    const both = { metadata: { a: 1, service_specific: { campaign: { ...FLAT, metadata: { a: 2, b: 3 } } } } };
    expect(stateOf(both)).toStrictEqual({ ...FLAT, metadata: { a: 1, b: 3 } });
  });

  it('C73 is not silent about features that are no list', () => {
    expect(refusal({ ...FLAT, features: 'chat', metadata: { features: ['badges'] } }).path).toEqual(['features']);
    expect(
      refusal({ metadata: { features: ['a'], service_specific: { campaign: { ...FLAT, features: {} } } } }).path,
    ).toEqual(['features']);
    expect(refusal({ ...FLAT, metadata: { features: ['a', 1] } }).path).toEqual(['features', 1]);
  });

  it('C74 makes sets of lists that name something twice, and drops null members', () => {
    const state = stateOf({
      ...FLAT,
      features: ['b', 'a', 'b'],
      tags: ['x', 'x'],
      description: null,
      about: { a: null, b: [null] },
    });
    expect(state).toStrictEqual({ ...FLAT, features: ['b', 'a'], tags: ['x'], about: { b: [null] } });
  });

  it('C75 reads lists of campaigns, of both shapes, in order', () => {
    const list = [FLAT, { metadata: { service_specific: { campaign: { slug: 'winter', title: 'Winter' } } } }];
    expect(read(list).map(({ campaignId }) => campaignId)).toEqual(['summer', 'winter']);
    expect(read([FLAT])).toStrictEqual([{ campaignId: 'summer', state: FLAT }]);
    expect(read([])).toEqual([]);
  });

  it.each<[string, unknown, string, (string | number)[]]>([
    ['nothing', null, 'must be a JSON object', []],
    ['text', 'summer', 'must be a JSON object', []],
    [
      'an object without a slug',
      { title: 'x' },
      "slug: missing; it becomes the campaign's id: 1 to 64 of a-z, 0-9, _ and -, a letter or digit first",
      ['slug'],
    ],
    [
      'a slug that is no id',
      { ...FLAT, slug: 'Über uns' },
      'slug: "Über uns"; it becomes the campaign\'s id: 1 to 64 of a-z, 0-9, _ and -, a letter or digit first',
      ['slug'],
    ],
    [
      'a slug that is no text',
      { ...FLAT, slug: { huge: [] } },
      "slug: not a string; it becomes the campaign's id: 1 to 64 of a-z, 0-9, _ and -, a letter or digit first",
      ['slug'],
    ],
    ['no title', { slug: 'summer' }, 'title: is required and cannot be removed', ['title']],
    [
      'a wrong date',
      { ...FLAT, start_date: 'soon' },
      'start_date: must be an ISO 8601 date, such as 2026-05-01 or 2026-05-01T09:00:00Z',
      ['start_date'],
    ],
    [
      'a forbidden key',
      JSON.parse('{"slug":"a","title":"b","views":{"__proto__":1}}'),
      'views.__proto__: this key is not allowed',
      ['views', '__proto__'],
    ],
    [
      'a bad one in a list',
      [FLAT, { slug: 'winter' }],
      'campaign 2 of the list: title: is required and cannot be removed',
      [1, 'title'],
    ],
    ['a bad one alone in a list', [7], 'campaign 1 of the list: must be a JSON object', [0]],
    ['one slug twice', [FLAT, FLAT], 'campaign 2 of the list: slug: summer stands in this file twice', [1, 'slug']],
    ['a list in a list', [[FLAT]], 'campaign 1 of the list: must be a JSON object', [0]],
  ])('C76 refuses %s, in one sentence that names the place', (_what, content, message, path) => {
    expect(refusal(content)).toEqual({ message, path });
  });

  it('C76 keeps the sentence short, however long the slug', () => {
    expect(refusal({ ...FLAT, slug: 'X'.repeat(100_000) }).message.length).toBeLessThan(250);
    expect(read({ ...FLAT, slug: 's'.repeat(64) })).toHaveLength(1);
    expect(refusal({ ...FLAT, slug: 's'.repeat(65) }).path).toEqual(['slug']);
  });

  it('C77 holds start files to the sections of who runs the server', () => {
    const sections = { commerce: z.object({ price: z.number() }) };
    expect(refusal({ ...FLAT, commerce: { price: 'free' } }, sections).path).toEqual(['commerce', 'price']);
  });

  it('C78 never throws, and what it reads may stand', () => {
    const shaped = fc.oneof(
      anyJson,
      anyJson.map((value) => ({ ...FLAT, metadata: value })),
      anyJson.map((value) => ({ metadata: { service_specific: { campaign: value, localization: value } } })),
      fc.tuple(anyJson, anyJson).map(([one, other]) => ({
        ...FLAT,
        features: one,
        metadata: { features: other, service_specific: { localization: other } },
      })),
    );
    fc.assert(
      fc.property(fc.oneof(shaped, fc.array(shaped, { maxLength: 3 })), (content) => {
        const normalised = normaliseCampaignFile(content);
        if (!normalised.ok) {
          expect(normalised.refusal.message).not.toBe('');
          return;
        }
        for (const { state } of normalised.campaigns) {
          expect(cleanJson(state, [], 'drop')).toEqual({ ok: true, value: state });
          expect(check(state, state, jsonBytes(state)).ok).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
    expect(refusal(JSON.parse('{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000))).message).toMatch(
      /nested more than 32 levels deep$/,
    );
  });
});
