import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createMemoryArchive, createMemoryStore, type MemoryStore } from '../../server/archive/memory-archive.ts';
import { createManager, type Manager } from '../../server/engine/manager.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { campaignKeys } from '../../server/log/redis/keys.ts';
import { createRedisLog, type RedisLog } from '../../server/log/redis-log.ts';
import { asReceipt, CALLERS, FIRST_STATE, setTitle } from '../support/engine-world.ts';
import { watch } from '../support/watching.ts';
import { startRedisCluster, type TemporaryRedisCluster } from '../tools/redis-cluster.ts';
import { campaignEntries } from './campaign-entries.ts';
import { describeOrderedLog } from './contract.ts';

let cluster: TemporaryRedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.stop());

let namespaces = 0;
const WAIT = { timeout: 20_000, interval: 20 };

describeOrderedLog('the Redis log on a cluster', async () => {
  const namespace = `t${(namespaces += 1)}`;
  const instances: RedisLog[] = [];
  const join = async (): Promise<RedisLog> => {
    const log = createRedisLog({ url: cluster.url, namespace, clock: systemClock, keepDurable: 2 });
    instances.push(log);
    await log.ready();
    return log;
  };
  return {
    log: await join(),
    join,
    delivered: async () => void (await Promise.all(instances.map((log) => log.ping()))),
    stop: async () => void (await Promise.all(instances.map((log) => log.stop()))),
  };
});

describe('instances over a cluster', () => {
  /** So many that every node has some. */
  const CAMPAIGNS = Array.from({ length: 12 }, (_, index) => `campaign-${index}`);

  const begin = async (): Promise<{
    namespace: string;
    store: MemoryStore;
    instances: Manager[];
    stop: () => Promise<void>;
  }> => {
    const namespace = `t${(namespaces += 1)}`;
    const store = createMemoryStore();
    const logs = [0, 1].map(() =>
      createRedisLog({ url: cluster.url, namespace, clock: systemClock, checkIntervalMs: 200 }),
    );
    await Promise.all(logs.map((log) => log.ready()));
    const instances = logs.map((log) =>
      createManager({ log, archive: createMemoryArchive({ store, soleUser: false }), clock: systemClock }),
    );
    for (const campaignId of CAMPAIGNS) await instances[0]?.create(CALLERS.admin, campaignId, FIRST_STATE, {});
    return { namespace, store, instances, stop: async () => void (await Promise.all(logs.map((log) => log.stop()))) };
  };
  const title = async (on: Manager | undefined, campaignId: string, text: string) => {
    const answer = await on?.mutate(CALLERS.admin, campaignId, setTitle(text), {});
    if (!answer) throw new Error('there is such an instance');
    return asReceipt(answer);
  };

  it('L60 changes to campaigns on every node are ordered, shown on the other instance, and saved', async () => {
    const { store, instances, stop } = await begin();
    const [, b] = instances;
    if (!b) throw new Error('there are two');
    const watching = CAMPAIGNS.map((campaignId) => watch(b, { campaignId }));
    await vi.waitFor(() => expect(watching.map(({ mirror }) => mirror.version)).toEqual(CAMPAIGNS.map(() => 1)), WAIT);
    for (let step = 0; step < 10; step += 1) {
      await Promise.all(
        CAMPAIGNS.map((campaignId, index) => title(instances[(index + step) % 2], campaignId, `t${step}`)),
      );
    }
    await vi.waitFor(() => expect(watching.map(({ mirror }) => mirror.version)).toEqual(CAMPAIGNS.map(() => 11)), WAIT);
    expect(watching.every(({ mirror }) => mirror.snapshots.length === 1)).toBe(true);
    await vi.waitFor(
      () =>
        expect(CAMPAIGNS.map((campaignId) => store.campaigns.get(campaignId)?.head.version)).toEqual(
          CAMPAIGNS.map(() => 11),
        ),
      WAIT,
    );
    await stop();
  });

  it('G9 L61 a slot that moves to another node takes its campaigns along: nothing is lost, and they are live again', async () => {
    const { namespace, instances, stop } = await begin();
    const [a, b] = instances;
    const [campaignId = ''] = CAMPAIGNS;
    if (!b) throw new Error('there are two');
    const onB = watch(b, { campaignId });
    const before = await title(a, campaignId, 'before');
    await vi.waitFor(() => expect(onB.mirror.version).toBe(2), WAIT);
    await cluster.moveSlotOf(campaignKeys(namespace, campaignId).meta);
    const after = await title(a, campaignId, 'after');
    expect(after.version).toBe(before.version + 1);
    await vi.waitFor(() => expect(onB.mirror.content.state.title).toBe('after'), WAIT);
    expect(onB.mirror.snapshots).toEqual(['start']);
    await stop();
  });

  it('L64 an instance that stops hands over its archiving on every node', async () => {
    const namespace = `t${(namespaces += 1)}`;
    const join = async (): Promise<RedisLog> => {
      const log = createRedisLog({ url: cluster.url, namespace, clock: systemClock, checkIntervalMs: 3_600_000 });
      await log.ready();
      return log;
    };
    const [going, staying] = [await join(), await join()];
    for (const campaignId of CAMPAIGNS) {
      const history = campaignEntries(campaignId);
      await going.seed(campaignId, 1, history.start);
      for (const log of [going, staying]) await log.open(campaignId, 1, history.start, () => undefined);
      const first = history.after(history.start, 1);
      await going.append(campaignId, history.start, first);
      await staying.append(campaignId, history.headAfter(first), history.after(history.headAfter(first), 1));
    }
    expect(await staying.pending(100)).toEqual([]);
    await going.handOver();
    const found = new Set<string>();
    const look = async (): Promise<void> => {
      for (const { campaignId, entries } of await staying.pending(100)) if (entries.length === 2) found.add(campaignId);
      expect(found.size).toBe(CAMPAIGNS.length);
    };
    await vi.waitFor(look, WAIT);
    await Promise.all([going.stop(), staying.stop()]);
  });

  it('G5 L62 a node that dies and comes back stops its own campaigns only, and none of their changes is lost', async () => {
    const { instances, stop } = await begin();
    const [a] = instances;
    for (const campaignId of CAMPAIGNS) await title(a, campaignId, 'before');
    const [node] = cluster.nodes;
    await node?.kill();
    const outcomes = await Promise.allSettled(CAMPAIGNS.map((campaignId) => title(a, campaignId, 'meanwhile')));
    const taken = outcomes.filter(({ status }) => status === 'fulfilled').length;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(CAMPAIGNS.length);
    await node?.restart();
    for (const campaignId of CAMPAIGNS) await vi.waitFor(() => title(a, campaignId, 'after'), WAIT);
    for (const campaignId of CAMPAIGNS) {
      const { items } = (await a?.history(CALLERS.admin, campaignId, { limit: 10 })) ?? { items: [] };
      expect(items.map(({ change }) => change['title'])).toContain('before');
    }
    await stop();
  });
});
