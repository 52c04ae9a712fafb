import { editorOn, thinEditorOn } from '../harness/editors.ts';
import { nowMicros } from '../harness/messages.ts';
import { roundTrip } from '../harness/round-trip.ts';
import { atMost, type Row } from '../harness/row.ts';
import { BrokenRun, percentile, withTrial } from '../harness/trial.ts';
import { quantile } from '../report/statistics.ts';

const LOCKS = 50;
/** Mutations under way at a time. */
const WINDOW = 32;
/** How often each campaign is measured, in turn. */
const TURNS = 15;
/** What the longest lease of a lock is, in milliseconds: none has to be renewed meanwhile. */
const TTL_MS = 300_000;

/** What locks cost where Redis orders: to acquire one, and to append where there are many. */
export const locks: Row = {
  name: 'locks',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'locks-acquire-p50',
      title: 'a lock acquired over Redis, p50, beyond a round trip to Redis',
      unit: 'ms',
      targets: [atMost(0.5)],
    },
    {
      name: 'locks-append-cpu',
      title: `CPU per mutation in a campaign with ${LOCKS} locks, as a multiple of one without`,
      unit: '×',
      targets: [atMost(1.1)],
    },
    {
      name: 'locks-append-p50',
      title: `mutation to receipt in a campaign with ${LOCKS} locks, p50, as a multiple of one without`,
      unit: '×',
      targets: [atMost(1.1)],
    },
  ],
  async measure(round) {
    const few = round.size({ full: 4_000, quick: 1_000, verify: 20 });
    const many = round.size({ full: 4_000, quick: 2_000, verify: 64 });
    const REDIS_URL = await round.services.redisUrl();
    const trip = await roundTrip(REDIS_URL, few);
    const env = { REDIS_URL, CAMPAIGN_NAMESPACE: round.services.namespace() };
    await withTrial(
      'ours',
      async ({ server }) => {
        await server.campaigns(2, 1_000);
        const [plain, locked] = ['c1', 'c2'];
        const { client, close } = editorOn(server.port, 'ed');
        const acquire = (campaignId: string, path: readonly string[]) =>
          client.lock.acquire.mutate({ campaignId, path: [...path], ttlMs: TTL_MS });

        const thin = await thinEditorOn(server.port, 'eve');
        const taken: number[] = [];
        for (let index = 0; index < few; index += 1) {
          const lockId = `lock${index}`;
          const askedAt = nowMicros();
          const answer = await thin.call('lock.acquire', { campaignId: plain, path: ['about'], ttlMs: TTL_MS, lockId });
          taken.push(nowMicros() - askedAt);
          if (!answer.includes('"fence"')) throw new BrokenRun(`ours: no lock was granted: ${answer}`);
          await thin.call('lock.release', { campaignId: plain, lockId });
        }
        thin.socket.terminate();
        round.record('locks-acquire-p50', 'ours', percentile(sorted(taken), 0.5) / 1_000 - trip);

        for (let index = 0; index < LOCKS; index += 1) await acquire(locked, ['ui_content', `field${index}`]);
        const mutate = async (campaignId: string) => {
          const latencies: number[] = [];
          const before = await server.usage('nothing');
          let sent = 0;
          const sender = async (): Promise<void> => {
            while (sent < many) {
              sent += 1;
              const sentAt = nowMicros();
              const answer = await client.campaign.update.mutate({ campaignId, updates: { edit: { n: sent } } });
              if (!answer.changed) throw new BrokenRun('ours: a mutation changed nothing');
              latencies.push(nowMicros() - sentAt);
            }
          };
          await Promise.all(Array.from({ length: WINDOW }, sender));
          const { cpu } = await server.usage('nothing');
          return { cpu: (cpu - before.cpu) / many, p50: percentile(sorted(latencies), 0.5) };
        };
        // In turn, in either order, and the median of each: what else the machine does comes to both. The first warms
        // up.
        const cpus = new Map([plain, locked].map((campaignId): [string, number[]] => [campaignId, []]));
        const latencies = new Map([plain, locked].map((campaignId): [string, number[]] => [campaignId, []]));
        for (let turn = 0; turn < TURNS; turn += 1)
          for (const campaignId of turn % 2 === 0 ? [plain, locked] : [locked, plain]) {
            const { cpu, p50 } = await mutate(campaignId);
            if (turn === 0) continue;
            cpus.get(campaignId)?.push(cpu);
            latencies.get(campaignId)?.push(p50);
          }
        const ratio = (of: ReadonlyMap<string, number[]>): number =>
          quantile(of.get(locked) ?? [], 0.5) / quantile(of.get(plain) ?? [], 0.5);
        round.record('locks-append-cpu', 'ours', ratio(cpus));
        round.record('locks-append-p50', 'ours', ratio(latencies));
        const { locks: held } = await client.lock.list.query({ campaignId: locked });
        if (held.length !== LOCKS) throw new BrokenRun(`ours: ${held.length} locks are held, not ${LOCKS}`);
        await close();
      },
      env,
    );
  },
};

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}
