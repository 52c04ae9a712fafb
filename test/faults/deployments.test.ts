import { afterEach, describe, expect, it } from 'vitest';
import { findPgBouncer, startPgBouncer } from '../tools/pgbouncer.ts';
import { startRedisCluster } from '../tools/redis-cluster.ts';
import { startSentinel } from '../tools/redis-sentinel.ts';
import { FAULTS, type Fault } from './faults.ts';
import { describeViolations, keepRecords } from './report.ts';
import { runFaults, type RunOptions } from './run.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const nothingToHeal = (): void => undefined;

function named(...names: string[]): Fault[] {
  return names.map((name) => {
    const fault = FAULTS.find((each) => each.name === name);
    if (!fault) throw new Error(`there is no fault ${name}`);
    return fault;
  });
}

async function expectGuarantees(options: Pick<RunOptions, 'faults' | 'deployment'>): Promise<void> {
  const hold = { short: 1_500, long: 3_000 };
  const result = await runFaults({
    seed: 1,
    clients: 10,
    pace: 400,
    hold,
    atOnce: 1,
    lasts: 0,
    say: () => undefined,
    ...options,
  });
  const { violations, counts } = result;
  expect(violations.length === 0 ? '' : `${describeViolations(violations)}\n${keepRecords(1, result)}`).toBe('');
  expect(counts.accepted).toBeGreaterThan(0);
}

describe('G1 to G9 in deployments that people have', () => {
  const pgbouncer = findPgBouncer();
  if (pgbouncer === undefined) process.stderr.write('X50 is skipped: there is no pgbouncer; install the package.\n');

  it.skipIf(pgbouncer === undefined)('X50 with a pool in session mode before Postgres', async () => {
    await expectGuarantees({
      faults: named('kill -9 an instance', 'kill -9 Postgres', 'rolling restart'),
      async deployment(postgres) {
        const bouncer = await startPgBouncer(pgbouncer ?? '', postgres.url, 'session');
        closing.push(() => bouncer.stop());
        return { DATABASE_URL: bouncer.url };
      },
    });
  });

  it('X51 with Sentinels that name the primary, through failovers', async () => {
    const sentinel = await startSentinel();
    closing.push(() => sentinel.stop());
    const failOver: Fault = {
      name: 'a failover by Sentinel',
      wants: 'redis',
      losesLog: true,
      async inflict() {
        await sentinel.failOver();
        return { detail: 'the replica is the primary', heal: nothingToHeal };
      },
    };
    await expectGuarantees({
      faults: [failOver, ...named('kill -9 an instance'), failOver],
      deployment: () => Promise.resolve({ REDIS_URL: sentinel.url }),
    });
  });

  it('X52 with one address of a cluster, whose other nodes die and come back', async () => {
    const cluster = await startRedisCluster();
    closing.push(() => cluster.stop());
    const [first, second, third] = cluster.nodes;
    const killed = (node = first): Fault => ({
      name: 'kill -9 a node',
      wants: 'redis',
      losesLog: true,
      async inflict() {
        await node?.kill();
        return { detail: 'a third of the slots', heal: () => node?.restart() };
      },
    });
    await expectGuarantees({
      faults: [killed(second), ...named('kill -9 an instance'), killed(third)],
      deployment: () => Promise.resolve({ REDIS_URL: first?.url ?? '' }),
    });
  });
});
