import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { emptyLockTable, type LockTable } from '../../server/core/locks/lock-table.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createRedisLog, type RedisLog } from '../../server/log/redis-log.ts';
import { startRedis, type TemporaryRedis } from '../tools/redis.ts';
import { campaignEntries } from './campaign-entries.ts';

const ID = 'summer';
const TTL_MS = 1_500;
/** No process is so slow that its lease would be over before it goes on. */
const LONG_TTL_MS = 60_000;
const { start, after, headAfter } = campaignEntries(ID);

let redis: TemporaryRedis;
let namespaces = 0;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A holder in a process of its own, and a log of this one that is on the same campaign. */
async function begin(ttlMs = TTL_MS) {
  const namespace = `f${(namespaces += 1)}`;
  const log = createRedisLog({ url: redis.url, namespace, clock: systemClock });
  closing.push(() => log.stop());
  await log.ready();
  await log.seed(ID, 1, start);
  await log.open(ID, 1, start, () => undefined);
  const script = join(import.meta.dirname, 'lock-holder.ts');
  const holder = spawn(process.execPath, [script, redis.url, namespace, ID, String(ttlMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  closing.push(() => holder.kill('SIGKILL'));
  const lines = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
  const says = async (): Promise<unknown> => (await lines.next()).value;
  expect(await says()).toBe('held');
  return { log, holder, says, heldAt: performance.now() };
}

function say(holder: ChildProcess, line: string): void {
  holder.stdin?.write(`${line}\n`);
}

/** Locks the same path as soon as the log allows it; returns the table then. */
async function takeOver(log: RedisLog): Promise<LockTable> {
  let table = emptyLockTable(1);
  for (;;) {
    const notBefore = Math.max(0, ...table.rows.map(({ expiresAt }) => expiresAt));
    const outcome = await log.changeLocks(ID, {
      condition: { revision: table.revision, ...(table.rows.length > 0 && { notBefore }) },
      set: [
        {
          lockId: 'of the test',
          state: 'held',
          fence: table.revision + 1,
          path: ['title'],
          holder: 'test',
          ttlMs: 60_000,
          leaseMs: 60_000,
        },
      ],
      removed: table.rows.map(({ lockId }) => lockId),
    });
    if (outcome.kind === 'lost') throw new Error('the log was lost');
    table = outcome.reading.table;
    if (outcome.kind === 'changed' && table.rows.some(({ lockId }) => lockId === 'of the test')) return table;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('holders that are stopped and killed, over a real Redis', () => {
  it('J100 a holder that is stopped beyond its lease writes nothing when it goes on, and nobody waits longer than the lease and 3 s', async () => {
    const { log, holder, says, heldAt } = await begin();
    holder.kill('SIGSTOP');
    const table = await takeOver(log);
    expect(performance.now() - heldAt).toBeLessThan(TTL_MS + 3_000);
    const mine = after(start, 1, 'mine');
    const condition = { revision: table.revision };
    expect(await log.append(ID, start, mine, condition)).toEqual({ kind: 'appended' });
    say(holder, 'append');
    holder.kill('SIGCONT');
    expect(await says()).toBe('locks');
    expect((await log.read(ID, 1, 10)).map(({ tail }) => tail)).toEqual([headAfter(mine).tail]);
  });

  it('J101 a holder that goes on before its lease is over writes what it decided', async () => {
    const { holder, says } = await begin(LONG_TTL_MS);
    say(holder, 'append');
    expect(await says()).toBe('appended');
  });

  it('J102 a holder that is killed locks nobody out for longer than its lease and 3 s', async () => {
    const { log, holder, heldAt } = await begin();
    holder.kill('SIGKILL');
    await takeOver(log);
    expect(performance.now() - heldAt).toBeLessThan(TTL_MS + 3_000);
  });

  it('J103 after FLUSHALL a holder writes nothing', async () => {
    const { holder, says } = await begin(LONG_TTL_MS);
    const admin = new Redis(redis.url);
    await admin.flushall();
    admin.disconnect();
    say(holder, 'append');
    expect(await says()).toBe('lost');
  });
});
