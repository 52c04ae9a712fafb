import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startRedis, type TemporaryRedis } from './redis.ts';

/** A real Redis Cluster of our own. */
export interface TemporaryRedisCluster {
  /** All nodes, separated by commas, as `REDIS_URL` takes them. */
  url: string;
  nodes: readonly TemporaryRedis[];
  /** Gives the slot of that key, with everything in it, to another node. */
  moveSlotOf(key: string): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

/** Three masters on free ports of 127.0.0.1, each with a third of the slots. */
export async function startRedisCluster(): Promise<TemporaryRedisCluster> {
  const nodes: TemporaryRedis[] = [];
  const clients: Redis[] = [];
  const stop = async (): Promise<void> => {
    for (const client of clients) client.disconnect();
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let index = 0; index < NODES; index += 1) {
      const node = await startRedis({ settings: { 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no' } });
      nodes.push(node);
      const client = new Redis(node.url);
      // A node may be killed by a test; who asks it then hears of that.
      client.on('error', () => undefined);
      clients.push(client);
    }
    await form(nodes, clients);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: nodes.map(({ url }) => url).join(','),
    nodes,
    stop,
    async moveSlotOf(key) {
      const slot = Number(await clients[0]?.cluster('KEYSLOT', key));
      const from = ownerOf(slot);
      const to = (from + 1) % NODES;
      await moveSlot(
        slot,
        { client: clients[from], node: nodes[from] },
        { client: clients[to], node: nodes[to] },
        clients,
      );
    },
  };
}

function ownerOf(slot: number): number {
  return Math.floor((slot * NODES) / SLOTS);
}

async function form(nodes: readonly TemporaryRedis[], clients: readonly Redis[]): Promise<void> {
  for (const [index, client] of clients.entries()) {
    await client.cluster(
      'ADDSLOTSRANGE',
      Math.ceil((index * SLOTS) / NODES),
      Math.ceil(((index + 1) * SLOTS) / NODES) - 1,
    );
    // Else all begin with the same epoch, and have to agree on another one first.
    await client.cluster('SET-CONFIG-EPOCH', index + 1);
  }
  for (const { port } of nodes.slice(1)) await clients[0]?.cluster('MEET', '127.0.0.1', port);
  for (const client of clients) {
    for (;;) {
      const info = String(await client.cluster('INFO'));
      if (
        info.includes('cluster_state:ok') &&
        info.includes(`cluster_known_nodes:${NODES}`) &&
        info.includes('cluster_slots_ok:16384')
      )
        break;
      await pause(50);
    }
  }
}

interface Member {
  client: Redis | undefined;
  node: TemporaryRedis | undefined;
}

async function moveSlot(slot: number, from: Member, to: Member, clients: readonly Redis[]): Promise<void> {
  if (!from.client || !to.client || !to.node) throw new Error('a cluster has all of its nodes');
  const fromId = String(await from.client.cluster('MYID'));
  const toId = String(await to.client.cluster('MYID'));
  await to.client.cluster('SETSLOT', slot, 'IMPORTING', fromId);
  await from.client.cluster('SETSLOT', slot, 'MIGRATING', toId);
  const keys = await from.client.cluster('GETKEYSINSLOT', slot, 1_000);
  for (const key of keys) await from.client.migrate('127.0.0.1', to.node.port, key, 0, 5_000);
  for (const client of [to.client, from.client, ...clients]) await client.cluster('SETSLOT', slot, 'NODE', toId);
}
