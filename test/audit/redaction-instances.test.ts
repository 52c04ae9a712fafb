import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { httpClient, wsClient, watch } from '../api/support/clients.ts';
import { SECRET, tokenFor, until } from '../api/support/server.ts';
import { query, tablesWith } from '../archive/namespace.ts';
import { command } from '../snapshot/support/commands.ts';
import { ID, VALUE } from './support/redacted-history.ts';
import { startTwoInstances } from './support/two-instances.ts';

/** All that a Redis holds, as text. */
async function contentsOf(redis: Redis): Promise<string> {
  const texts = await Promise.all(
    (await redis.keys('*')).map(async (key) => {
      const type = await redis.type(key);
      if (type === 'stream') return JSON.stringify(await redis.xrange(key, '-', '+'));
      return type === 'hash' ? JSON.stringify(await redis.hgetall(key)) : '';
    }),
  );
  return texts.join('\n');
}

test(
  'V41 redacted by the command: in no table, not in Redis, and on no instance; audit verify is green, and names whoever puts it back',
  { timeout: 240_000 },
  async () => {
    const { one, two, folder, namespace, redisUrl, stop } = await startTwoInstances();
    const admin = new Redis(redisUrl);
    try {
      const token = await tokenFor({ '*': 'admin' }, { sub: 'root' });
      const here = httpClient(one.url, token);
      const there = wsClient(two.url, { token });
      const durable = { campaignId: ID, durability: 'durable' } as const;
      await here.campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'People' } });
      const about = (contact: string | null) => ({ about: { contact, text: 'Us' } }) as never;
      const brought = await here.campaign.update.mutate({ ...durable, updates: about(VALUE) });
      await here.campaign.update.mutate({ ...durable, updates: about(null) });
      const streams = [watch(wsClient(one.url, { token }), { campaignId: ID }), watch(there, { campaignId: ID })];
      for (const stream of streams) await until(() => stream.mirror.version === 3);
      const says = async () => JSON.stringify(await there.campaign.history.query({ campaignId: ID }));
      expect(await says()).toContain(VALUE);
      expect(await contentsOf(admin)).toContain(VALUE);
      expect(await tablesWith(namespace, VALUE)).toEqual(['entries']);

      const server = ['--url', one.url];
      const asAdmin = { AUTH_SECRET: SECRET };
      const place = ['--path', 'about', '--path', 'contact'];
      const redact = (...more: string[]) =>
        command(folder, ['audit', 'redact', ID, brought.position, ...more, ...server], asAdmin);
      expect(await redact()).toMatchObject({ code: 1, sentence: expect.stringContaining('--path') });
      const done = await redact(...place);
      expect(done.sentence).toContain('about › contact: redacted');
      expect(done.code).toBe(0);
      expect(await tablesWith(namespace, VALUE)).toEqual([]);
      expect(await contentsOf(admin)).not.toContain(VALUE);
      await until(async () => !(await says()).includes(VALUE));
      // Nobody who watches was told anything; the next change comes to all of them, from any instance.
      const events = streams.map((stream) => stream.events.length);
      await there.campaign.update.mutate({ ...durable, updates: { title: 'It goes on' } });
      for (const stream of streams) await until(() => stream.mirror.version === 4);
      expect(streams.map((stream, index) => stream.events.slice(events[index]).map(({ type }) => type))).toEqual(
        streams.map(() => expect.not.arrayContaining(['snapshot'])),
      );
      expect(await redact(...place)).toMatchObject({ code: 0 });
      const verified = await command(folder, ['audit', 'verify', ...server], asAdmin);
      expect(verified.sentence).toContain('everything fits');
      expect(verified.code).toBe(0);
      await query(`update ${namespace}.entries set bytes = replace(bytes::text, '"contact":null', '"contact":"Bob"')::json
        where version = 2`);
      const forged = await command(folder, ['audit', 'verify', ...server], asAdmin);
      expect(forged).toMatchObject({ code: 1, sentence: expect.stringContaining('version 2') });
      for (const stream of streams) stream.stop();
    } finally {
      admin.disconnect();
      await stop();
    }
  },
);
