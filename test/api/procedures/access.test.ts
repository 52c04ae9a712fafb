import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { errorDataOf, httpClient, refusal, watch, wsClient } from '../support/clients.ts';
import { CAMPAIGN, SECRET, startGuarded, tokenFor, until } from '../support/server.ts';

const NAME = { name: 'importer' };

async function admin(url: string) {
  return wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
}

describe('N2 the management of API keys', () => {
  test('N2 a key is shown when it is created, and stored as a hash', async () => {
    const store = createMemoryStore();
    const { url } = await startGuarded({ archive: createMemoryArchive({ store }) });
    const { access } = await admin(url);
    const expiresAt = Date.now() + 60_000;
    const created = await access.create.mutate({ ...NAME, campaigns: { [CAMPAIGN]: 'viewer' }, expiresAt });
    expect(created.key).toMatch(/^csk_[0-9a-f]{16}_[\w-]{43}$/);
    const { key, ...shown } = created;
    expect(shown).toMatchObject({ ...NAME, grants: { [CAMPAIGN]: 'viewer' }, createdBy: 'ada', expiresAt });
    expect(await access.list.query()).toEqual([shown]);
    const stored = JSON.stringify(await store.accessKeys.listKeys());
    expect(stored).toContain(created.id);
    expect(stored).not.toContain(key.slice(-43));
  });

  test('N2 only admins of all campaigns manage keys, and no key does', async () => {
    const { url } = await startGuarded({ publicRead: true });
    const { key } = await (await admin(url)).access.create.mutate({ ...NAME, campaigns: { '*': 'admin' } });
    const tokens = [
      undefined,
      await tokenFor({ '*': 'editor' }),
      await tokenFor({ [CAMPAIGN]: 'admin' }),
      await tokenFor({}),
      key,
    ];
    for (const token of tokens) {
      const { access } = httpClient(url, token);
      for (const call of [
        () => access.list.query(),
        () => access.create.mutate({ ...NAME, campaigns: { '*': 'viewer' } }),
        () => access.revoke.mutate({ id: key.slice(4, 20) }),
      ]) {
        expect(await refusal(call())).toMatchObject({ reason: 'FORBIDDEN' });
      }
    }
  });

  test('N2 bad input names its field, an unknown key is NOT_FOUND', async () => {
    const { url } = await startGuarded();
    const { access } = await admin(url);
    const viewer = { '*': 'viewer' } as const;
    for (const [input, path] of [
      [{ name: '', campaigns: viewer }, ['name']],
      [{ ...NAME, campaigns: {} }, ['campaigns']],
      [{ ...NAME, campaigns: { 'Not An Id': 'viewer' as const } }, ['campaigns', 'Not An Id']],
      [{ ...NAME, campaigns: viewer, expiresAt: 1 }, ['expiresAt']],
    ] as const) {
      expect(await refusal(access.create.mutate(input))).toMatchObject({ reason: 'INVALID', path });
    }
    expect(await refusal(access.revoke.mutate({ id: 'unknown' }))).toMatchObject({ reason: 'NOT_FOUND', path: ['id'] });
  });
});

describe('N3 the use of an API key', () => {
  test('N3 has the roles of the key, and is found by its id in the history, the list and the metrics', async () => {
    const { url } = await startGuarded();
    const { access, campaign } = await admin(url);
    const { id, key } = await access.create.mutate({ ...NAME, campaigns: { [CAMPAIGN]: 'editor' } });
    for (const client of [httpClient(url, key), wsClient(url, { token: key })]) {
      await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: `by ${id}` } });
      expect(await refusal(client.campaign.get.query({ campaignId: 'secret' }))).toMatchObject({ reason: 'FORBIDDEN' });
      expect(await client.session.info.query({ campaignId: CAMPAIGN })).toMatchObject({
        id: `key:${id}`,
        role: 'editor',
      });
    }
    const { items } = await campaign.history.query({ campaignId: CAMPAIGN, limit: 1 });
    expect(items).toMatchObject([{ actor: { id: `key:${id}`, role: 'editor' } }]);
    expect(await access.list.query()).toMatchObject([{ id, lastUsedAt: expect.any(Number) }]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`campaign_state_access_key_uses_total\\{key="${id}"\\} [1-9]`));
  });

  test('N3 ends with its revocation, on an open connection too', async () => {
    const { url } = await startGuarded();
    const { access } = await admin(url);
    const { id, key } = await access.create.mutate({ ...NAME, campaigns: { '*': 'viewer' } });
    const client = wsClient(url, { token: key });
    const watching = watch(client, { campaignId: CAMPAIGN });
    await until(() => watching.events.length > 0);
    expect(await access.revoke.mutate({ id })).toEqual({ id, revoked: true });
    await until(() => watching.error !== undefined);
    expect(errorDataOf(watching.error)).toMatchObject({ reason: 'UNAUTHORIZED' });
    for (const other of [client, httpClient(url, key)])
      expect(await refusal(other.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
        reason: 'UNAUTHORIZED',
      });
    expect(await access.list.query()).toMatchObject([{ id, revokedAt: expect.any(Number) }]);
  });

  test('N3 ends with its expiry', async () => {
    const { url } = await startGuarded();
    const { access } = await admin(url);
    // Time enough for a slow machine to see it work before.
    const expiresAt = Date.now() + 5_000;
    const { key } = await access.create.mutate({ ...NAME, campaigns: { '*': 'viewer' }, expiresAt });
    const watching = watch(wsClient(url, { token: key }), { campaignId: CAMPAIGN });
    await until(() => watching.events.length > 0);
    await until(() => watching.error !== undefined);
    expect(errorDataOf(watching.error)).toMatchObject({ reason: 'UNAUTHORIZED' });
    expect(await refusal(httpClient(url, key).campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
      reason: 'UNAUTHORIZED',
      message: expect.stringContaining('expired'),
    });
  });

  test('N3 is refused with another secret, and with no secret', async () => {
    const { url } = await startGuarded();
    const { access } = await admin(url);
    const { id } = await access.create.mutate({ ...NAME, campaigns: { '*': 'viewer' } });
    for (const token of [`csk_${id}_${'A'.repeat(43)}`, `csk_${'0'.repeat(16)}_${'A'.repeat(43)}`, `csk_${id}`, 'csk_'])
      expect(await refusal(httpClient(url, token).system.info.query())).toMatchObject({ reason: 'UNAUTHORIZED' });
  });
});

test('N4 the command creates, lists and revokes keys of a running server', async () => {
  const { url } = await startGuarded();
  const main = join(import.meta.dirname, '..', '..', '..', 'server', 'cli', 'bin.ts');
  const run = async (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, [main, 'access', ...args, '--url', url], {
      env: { ...process.env, AUTH_SECRET: SECRET },
    });
  const { stdout: key } = await run('create', '--name', 'importer', '--role', 'viewer', '--expires', '1d');
  await httpClient(url, key.trim()).campaign.get.query({ campaignId: CAMPAIGN });
  const id = key.slice(4, 20);
  expect((await run('list')).stdout).toMatch(new RegExp(`^${id}\\timporter\\t\\*:viewer\\texpires 20`));
  await run('revoke', id);
  expect((await run('list')).stdout).toContain('\trevoked\t');
  await expect(run('create', '--name', 'x')).rejects.toMatchObject({ stderr: expect.stringContaining('--role takes') });
  await expect(run('revoke', 'unknown')).rejects.toMatchObject({ stderr: expect.stringContaining('no key') });
});
