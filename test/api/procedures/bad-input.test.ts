import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../server/core/limits.ts';
import { createCampaignServer, createLogger } from '../../../server/index.ts';
import type { CampaignServer } from '../../../server/index.ts';
import type { ErrorData } from '../../../server/api/failure.ts';
import { openRaw } from '../support/clients.ts';
import type { Raw } from '../support/clients.ts';

const id = 'spring';
const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
const json = (text: string): unknown => JSON.parse(text);
const deepest = (): unknown => nested(LIMITS.depth + 1);
const large = { updates: { text: 'x'.repeat(LIMITS.documentBytes) } };
const command = { type: 'update', updates: {} };
const mutation = { mutationId: 'm', command };

/** Procedure, input, and what must be said of it: reason, path, and what the message holds. */
type Case = [
  procedure: string,
  type: 'query' | 'mutation' | 'subscription',
  input: unknown,
  reason: string,
  path: string,
  says: RegExp,
];

const INVALID = 'INVALID';
const TOO_LARGE = 'TOO_LARGE';

const cases: Case[] = [
  // wrong types
  ['campaign.update', 'mutation', undefined, INVALID, '', /input: is required/],
  ['campaign.update', 'mutation', [], INVALID, '', /input: must be an object/],
  ['campaign.update', 'mutation', { campaignId: 7, updates: {} }, INVALID, 'campaignId', /campaignId: must be text/],
  ['campaign.update', 'mutation', { campaignId: 'Not An Id', updates: {} }, INVALID, 'campaignId', /a-z, 0-9/],
  ['campaign.update', 'mutation', { campaignId: 'x'.repeat(65), updates: {} }, INVALID, 'campaignId', /1 to 64/],
  ['campaign.update', 'mutation', { campaignId: id }, INVALID, 'updates', /updates: must be a JSON object/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: 'x' },
    INVALID,
    'updates',
    /updates: must be a JSON object/,
  ],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: null },
    INVALID,
    'updates',
    /updates: must be a JSON object/,
  ],
  ['campaign.update', 'mutation', { campaignId: id, updates: { title: 5 } }, INVALID, 'title', /title/],
  ['campaign.update', 'mutation', { campaignId: id, updates: { title: null } }, INVALID, 'title', /required/],
  ['campaign.update', 'mutation', { campaignId: id, updates: { status: 'sleeping' } }, INVALID, 'status', /status/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: { features: ['a', 'a'] } },
    INVALID,
    'features',
    /features/,
  ],
  // options
  ['campaign.update', 'mutation', { campaignId: id, updates: {}, mutationId: '' }, INVALID, 'mutationId', /1 to 64/],
  ['campaign.update', 'mutation', { campaignId: id, updates: {}, mutationId: 'a b' }, INVALID, 'mutationId', /A-Z/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: {}, mutationId: 'x'.repeat(65) },
    INVALID,
    'mutationId',
    /1 to 64/,
  ],
  ['campaign.update', 'mutation', { campaignId: id, updates: {}, base: 'here' }, INVALID, 'base', /position such as/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: {}, expectedVersion: -1 },
    INVALID,
    'expectedVersion',
    /at least 0/,
  ],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: {}, expectedVersion: 1.5 },
    INVALID,
    'expectedVersion',
    /a version or a position/,
  ],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: {}, durability: 'forever' },
    INVALID,
    'durability',
    /one of accepted, durable/,
  ],
  ['campaign.update', 'mutation', { campaignId: id, updates: {}, dryRun: false }, INVALID, 'dryRun', /must be true/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: {}, comment: 'x'.repeat(501) },
    TOO_LARGE,
    'comment',
    /at most 500 characters/,
  ],
  ['campaign.update', 'mutation', { campaignId: id, updates: {}, comment: '\u0000' }, INVALID, 'comment', /U\+0000/],
  // forbidden keys
  [
    'campaign.update',
    'mutation',
    json(`{"campaignId":"${id}","updates":{"__proto__":{"a":1}}}`),
    INVALID,
    'updates.__proto__',
    /not allowed/,
  ],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: { a: { constructor: 1 } } },
    INVALID,
    'updates.a.constructor',
    /not allowed/,
  ],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: { a: [{ prototype: 1 }] } },
    INVALID,
    'updates.a.0.prototype',
    /not allowed/,
  ],
  // broken text and numbers
  [
    'campaign.update',
    'mutation',
    json(`{"campaignId":"${id}","updates":{"a":"\\ud800"}}`),
    INVALID,
    'updates.a',
    /surrogate/,
  ],
  ['campaign.update', 'mutation', { campaignId: id, updates: { a: '\u0000' } }, INVALID, 'updates.a', /U\+0000/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: json('{"a":"RAW1e400"}') },
    INVALID,
    'updates.a',
    /finite/,
  ],
  // size and depth
  ['campaign.update', 'mutation', { campaignId: id, ...large }, TOO_LARGE, '', /at most 262144/],
  [
    'campaign.update',
    'mutation',
    { campaignId: id, updates: deepest() },
    TOO_LARGE,
    `updates.${Array(32).fill('a').join('.')}`,
    /32 levels/,
  ],
  // features
  [
    'campaign.updateFeatures',
    'mutation',
    { campaignId: id, features: 'faq', action: 'add' },
    INVALID,
    'features',
    /must be a list/,
  ],
  [
    'campaign.updateFeatures',
    'mutation',
    { campaignId: id, features: [1], action: 'add' },
    INVALID,
    'features.0',
    /must be text/,
  ],
  [
    'campaign.updateFeatures',
    'mutation',
    { campaignId: id, features: [], action: 'toggle' },
    INVALID,
    'action',
    /one of add, remove, set/,
  ],
  [
    'campaign.updateFeatures',
    'mutation',
    { campaignId: id, features: ['x'.repeat(129)], action: 'add' },
    TOO_LARGE,
    'features.0',
    /128 characters/,
  ],
  [
    'campaign.updateFeatures',
    'mutation',
    { campaignId: id, features: Array(1_001).fill('a'), action: 'add' },
    TOO_LARGE,
    'features',
    /at most 1000 items/,
  ],
  // sections
  [
    'campaign.updateConfig',
    'mutation',
    { campaignId: id, section: 'secrets', value: {} },
    INVALID,
    'section',
    /ui_content, scripts/,
  ],
  [
    'campaign.updateConfig',
    'mutation',
    { campaignId: id, section: 'theme', value: [] },
    INVALID,
    'value',
    /JSON object/,
  ],
  [
    'campaign.updateConfig',
    'mutation',
    { campaignId: id, section: 'theme', value: {}, mode: 'mix' },
    INVALID,
    'mode',
    /one of merge, replace/,
  ],
  // batches and pushes
  ['campaign.batch', 'mutation', { campaignId: id, commands: {} }, INVALID, 'commands', /must be a list/],
  [
    'campaign.batch',
    'mutation',
    { campaignId: id, commands: Array(101).fill(command) },
    TOO_LARGE,
    'commands',
    /at most 100 items/,
  ],
  [
    'campaign.batch',
    'mutation',
    { campaignId: id, commands: [{ type: 'rollback', toVersion: 1 }] },
    INVALID,
    'commands.0.type',
    /one of update, updateFeatures, updateConfig/,
  ],
  [
    'campaign.batch',
    'mutation',
    { campaignId: id, commands: [command, { type: 'update', updates: { a: '\u0000' } }] },
    INVALID,
    'commands.1.updates.a',
    /U\+0000/,
  ],
  [
    'campaign.push',
    'mutation',
    { campaignId: id, mutations: Array(101).fill(mutation) },
    TOO_LARGE,
    'mutations',
    /at most 100 items/,
  ],
  [
    'campaign.push',
    'mutation',
    { campaignId: id, mutations: [{ command }] },
    INVALID,
    'mutations.0.mutationId',
    /is required/,
  ],
  [
    'campaign.push',
    'mutation',
    { campaignId: id, mutations: [{ mutationId: 'm', command: { type: 'create' } }] },
    INVALID,
    'mutations.0.command.type',
    /one of update, updateFeatures, updateConfig, batch/,
  ],
  // lifecycle and history
  ['campaign.create', 'mutation', { campaignId: 'new', state: 'x' }, INVALID, 'state', /JSON object/],
  ['campaign.create', 'mutation', { campaignId: 'new', state: { slug: 'new' } }, INVALID, 'state.title', /title/],
  [
    'campaign.create',
    'mutation',
    { campaignId: 'new', state: { slug: 'new', title: 'x', text: large.updates.text } },
    TOO_LARGE,
    'state',
    /at most 262144/,
  ],
  ['campaign.rollback', 'mutation', { campaignId: id, toVersion: 0 }, INVALID, 'toVersion', /1 or more/],
  ['campaign.rollback', 'mutation', { campaignId: id, toVersion: 'e:0' }, INVALID, 'toVersion', /1 or more/],
  ['campaign.rollback', 'mutation', { campaignId: id, toVersion: 'first' }, INVALID, 'toVersion', /a position such as/],
  ['campaign.archive', 'mutation', { campaignId: null }, INVALID, 'campaignId', /must be text/],
  ['campaign.restore', 'mutation', {}, INVALID, 'campaignId', /is required/],
  ['campaign.get', 'query', { campaignId: '../etc' }, INVALID, 'campaignId', /a-z/],
  ['campaign.list', 'query', { limit: 101 }, TOO_LARGE, 'limit', /at most 100/],
  ['campaign.list', 'query', { limit: 0 }, INVALID, 'limit', /at least 1/],
  ['campaign.list', 'query', { status: 'lost' }, INVALID, 'status', /draft, active/],
  ['campaign.list', 'query', { cursor: '%' }, INVALID, 'cursor', /a-z/],
  ['campaign.history', 'query', { campaignId: id, cursor: 'x' }, INVALID, 'cursor', /must be a number/],
  ['campaign.at', 'query', { campaignId: id, version: 1.5 }, INVALID, 'version', /must be a version/],
  ['campaign.diff', 'query', { campaignId: id, from: -1, to: 1 }, INVALID, 'from', /0 or more/],
  ['campaign.whenDurable', 'query', { campaignId: id, position: 'e:' }, INVALID, 'position', /position such as/],
  ['campaign.watch', 'subscription', { campaignId: 'No' }, INVALID, 'campaignId', /a-z/],
  ['campaign.watch', 'subscription', { receipts: 'yes' }, INVALID, 'receipts', /true or false/],
  ['campaign.watch', 'subscription', { lastEventId: 'x'.repeat(257) }, TOO_LARGE, 'lastEventId', /256 characters/],
  ['session.authenticate', 'mutation', { token: 5 }, INVALID, 'token', /must be text/],
];

const unknownCampaign: [string, 'query' | 'mutation' | 'subscription', object][] = [
  ['campaign.update', 'mutation', { updates: {} }],
  ['campaign.updateFeatures', 'mutation', { features: [], action: 'set' }],
  ['campaign.updateConfig', 'mutation', { section: 'theme', value: {} }],
  ['campaign.batch', 'mutation', { commands: [] }],
  ['campaign.rollback', 'mutation', { toVersion: 1 }],
  ['campaign.archive', 'mutation', {}],
  ['campaign.restore', 'mutation', {}],
  ['campaign.get', 'query', {}],
  ['campaign.history', 'query', {}],
  ['campaign.at', 'query', { version: 1 }],
  ['campaign.diff', 'query', { from: 1, to: 1 }],
  ['campaign.whenDurable', 'query', { position: 'e:1' }],
  ['campaign.watch', 'subscription', {}],
];

let server: CampaignServer;
let raw: Raw;
let sent = 0;

beforeAll(async () => {
  server = await createCampaignServer({
    port: 0,
    rateLimit: 0,
    logger: createLogger('silent'),
    campaigns: [{ campaignId: id, state: { slug: id, title: 'Spring' } }],
  });
  raw = await openRaw(server.url);
});

afterAll(async () => {
  raw.socket.terminate();
  await server.close();
});

/** Sends a call over one socket that all cases share: it must outlive every one of them. */
async function refuse(path: string, method: string, input: unknown): Promise<ErrorData & { message: string }> {
  const text = JSON.stringify({ id: (sent += 1), method, params: { path, input } });
  // JSON has no way to write an infinite number but this one.
  raw.socket.send(text.replace('"RAW1e400"', '1e400'));
  const { error } = await raw.answer(sent, (message) => message.error !== undefined);
  if (!error) throw new Error('not refused');
  return { ...error.data, message: error.message };
}

describe('P2 bad input is a typed error that names the field and the limit', () => {
  test.each(cases)('%s %s %#', async (path, method, input, reason, field, says) => {
    const error = await refuse(path, method, input);
    expect(error).toMatchObject({
      reason,
      retryable: false,
      code: reason === TOO_LARGE ? 'PAYLOAD_TOO_LARGE' : 'BAD_REQUEST',
    });
    expect((error.path ?? []).join('.')).toBe(field);
    expect(error.message).toMatch(says);
    if (reason === TOO_LARGE) expect(error.limit).toBeGreaterThan(0);
    expect(JSON.stringify(error)).not.toMatch(/"stack"|\.ts:\d/);
  });
});

test.each(unknownCampaign)('P2 an unknown campaign is NOT_FOUND: %s', async (path, method, input) => {
  const error = await refuse(path, method, { campaignId: 'nowhere', ...input });
  expect(error).toMatchObject({ code: 'NOT_FOUND', reason: 'NOT_FOUND', retryable: false });
});

test('P2 after all bad input the connection and the campaign are unchanged', async () => {
  const call = (sent += 1);
  raw.send({ id: call, method: 'query', params: { path: 'campaign.get', input: { campaignId: id } } });
  expect((await raw.answer(call)).result?.data).toMatchObject({ version: 1, state: { slug: id, title: 'Spring' } });
});
