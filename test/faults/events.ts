import { setTimeout as pause } from 'node:timers/promises';
import { createTRPCClient, httpLink } from '@trpc/client';
import { readFailure } from '../../client-sdk/src/errors.ts';
import type { AppRouter } from '../../server/api/procedures/router.ts';
import type { AnalyticsEvent } from '../../server/core/analytics/analytics-event.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { over } from './campaigns.ts';
import type { Violation } from './checker.ts';
import type { World } from './world.ts';

/** Visitors of a rule that is measured, whose events are sent again and again until they are acknowledged. */
export interface FaultyEvents {
  /** Begins nothing new, and resolves once every batch is acknowledged. */
  settle(): Promise<void>;
  /** What the instances count, against what was acknowledged. */
  check(world: World): Promise<Violation[]>;
  /** Batches that were acknowledged. */
  readonly acknowledged: number;
  close(): Promise<void>;
}

const CAMPAIGN = 'faults_measured';
const RULE = 'price';
const VISITORS = 60;
const SENDERS = 3;
/** How long a call may go unanswered, in milliseconds. */
const CALL_TIMEOUT_MS = 15_000;

/** One visitor, and all that it has told. */
interface Visitor {
  readonly userId: string;
  readonly arm: string;
  readonly exposures: number[];
  /** Whether it has claimed an arm that is not its own. */
  forged: boolean;
  readonly goals: number[];
}

interface Batch {
  readonly batchId: string;
  readonly userId: string;
  readonly events: AnalyticsEvent[];
}

/** @param link a wire to whichever instance it gets */
export async function startEvents(world: World, link: TcpProxy, random: SeededRandom): Promise<FaultyEvents> {
  const [first] = world.instances;
  if (!first) throw new Error('a world has instances');
  const client = over(first);
  await client.campaign.create.mutate({ campaignId: CAMPAIGN, state: { slug: CAMPAIGN, title: 'Measured' } });
  const change = (price: number) => ({ merge: { commerce: { price } } });
  const receipt = await client.campaign.updateRule.mutate({
    campaignId: CAMPAIGN,
    key: RULE,
    durability: 'durable',
    rule: {
      order: 1,
      status: 'running',
      unit: 'userId',
      coverage: 1,
      arms: { now: { weight: 1, change: {} }, lower: { weight: 1, change: change(9) } },
      metrics: { leads: { goal: 'lead', type: 'count', better: 'up', role: 'goal' } },
    },
  });
  const position = 'position' in receipt ? receipt.position : '';
  const visitors: Visitor[] = [];
  for (let index = 0; index < VISITORS; index += 1) {
    const userId = `visitor-${index}`;
    const { assignments } = await client.campaign.get.query({
      campaignId: CAMPAIGN,
      viewer: { attributes: { userId } },
    });
    visitors.push({ userId, arm: assignments?.[RULE]?.arm ?? '', exposures: [], forged: false, goals: [] });
  }

  const startedAt = Date.now();
  const past: Batch[] = [];
  let batches = 0;
  let acknowledged = 0;
  let stopped = false;
  let closed = false;

  const sender = createTRPCClient<AppRouter>({ links: [httpLink({ url: `http://127.0.0.1:${link.port}/trpc` })] });

  /** Sends it until it is acknowledged: the times in it are those of what happened. */
  const carry = async ({ batchId, userId, events }: Batch): Promise<void> => {
    while (!closed) {
      try {
        const batch = { campaignId: CAMPAIGN, batchId, viewer: { attributes: { userId } }, events };
        await sender.analytics.track.mutate(batch, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
        acknowledged += 1;
        return;
      } catch (thrown) {
        const { error } = readFailure(thrown);
        if (!error.retryable) throw new Error(`a batch was refused for good: ${error.message}`, { cause: thrown });
        await pause(50 + random.next() * 400, undefined, { ref: false });
      }
    }
  };

  const next = (): Batch => {
    const visitor = random.pick(visitors);
    const { userId, arm } = visitor;
    // Out of order on purpose: what is told later may have happened before.
    const at = (): number => startedAt - random.int(0, 60_000);
    const events = Array.from({ length: random.int(1, 4) }, (): AnalyticsEvent => {
      const rendered = { position, at: at() };
      if (random.chance(0.5)) {
        visitor.goals.push(rendered.at);
        return { kind: 'goal', name: 'lead', ...rendered };
      }
      const isForged = random.chance(0.1);
      if (isForged) visitor.forged = true;
      else visitor.exposures.push(rendered.at);
      const other = arm === 'now' ? 'lower' : 'now';
      return { kind: 'exposure', rule: RULE, phase: 1, arm: isForged ? other : arm, ...rendered };
    });
    batches += 1;
    return { batchId: `batch-${batches}`, userId, events };
  };

  const send = async (): Promise<void> => {
    while (!stopped) {
      const isCopy = past.length > 0 && random.chance(0.2);
      const batch = isCopy ? random.pick(past) : next();
      past.push(batch);
      await carry(batch);
      await pause(random.next() * 100, undefined, { ref: false });
    }
  };
  const sending = Promise.all(Array.from({ length: SENDERS }, send));
  // A refusal is said when it settles.
  sending.catch(() => undefined);

  /** What must be counted, from what every visitor has told. */
  const expected = () => {
    const arms = Object.fromEntries(['lower', 'now'].map((arm) => [arm, { units: 0, conversions: 0, sum: 0 }]));
    for (const { arm, exposures, goals } of visitors) {
      const counted = arms[arm];
      if (!counted || exposures.length === 0) continue;
      const since = Math.min(...exposures);
      const after = goals.filter((at) => at >= since).length;
      counted.units += 1;
      counted.conversions += Number(after > 0);
      counted.sum += after;
    }
    return { arms, unverified: visitors.filter(({ forged }) => forged).length, multiple: 0 };
  };

  return {
    async settle() {
      stopped = true;
      await sending;
    },
    async check({ instances }) {
      const violations: Violation[] = [];
      const wanted = JSON.stringify(expected());
      for (const instance of instances) {
        const results = await over(instance).analytics.results.query({ campaignId: CAMPAIGN, rule: RULE });
        const counted = results.metrics['leads']?.arms ?? [];
        const arms = Object.fromEntries(
          counted
            .map(({ arm, units, conversions, sum }) => [arm, { units, conversions, sum }] as const)
            .toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
        const found = JSON.stringify({
          arms,
          unverified: results.unverified.units,
          multiple: results.multiple.units,
        });
        if (found !== wanted)
          violations.push({ rule: 'E29', message: `${instance.name} counts ${found} instead of ${wanted}`, lines: [] });
      }
      return violations;
    },
    get acknowledged() {
      return acknowledged;
    },
    async close() {
      stopped = true;
      closed = true;
      await link.close();
    },
  };
}
