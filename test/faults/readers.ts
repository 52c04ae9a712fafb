import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { MARKED_SEGMENT, markedRule, MARKER } from '../support/marked-rules.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { over } from './campaigns.ts';
import type { Violation } from './checker.ts';
import type { World } from './world.ts';

/**
 * Readers of a campaign whose rules change all the time, and concern none of them: all that they are sent is searched.
 */
export interface FaultyReaders {
  /** Changes of the rules that were accepted. */
  readonly changes: number;
  /** Messages that were searched. */
  readonly messages: number;
  /** What they were sent and must not have been (G11). */
  readonly violations: readonly Violation[];
  close(): Promise<void>;
}

const CAMPAIGN = 'faults_marked';
const READERS = 4;
const CHANGE_PAUSE_MS = 250;
const RECONNECT_MS = 200;
const CALL_TIMEOUT_MS = 10_000;

/** @param link a wire to whichever instance it gets */
export async function startReaders(world: World, link: TcpProxy, random: SeededRandom): Promise<FaultyReaders> {
  const [first] = world.instances;
  if (!first) throw new Error('a world has instances');
  const { campaign } = over(first);
  const state = { slug: CAMPAIGN, title: 'Marked', status: 'active', ui_content: { banner: 'Hello' } };
  await campaign.create.mutate({ campaignId: CAMPAIGN, state });
  await campaign.updateSegment.mutate({ campaignId: CAMPAIGN, key: MARKER, segment: MARKED_SEGMENT });

  const violations: Violation[] = [];
  let changes = 0;
  let messages = 0;
  let number = 0;
  const closing = new AbortController();

  const change = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      number += 1;
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
      // Faults refuse it as they refuse everybody.
      await over(random.pick(world.instances))
        .campaign.updateRule.mutate({ campaignId: CAMPAIGN, ...markedRule(number) }, { signal })
        .then(() => (changes += 1))
        .catch(() => undefined);
      await pause(CHANGE_PAUSE_MS, undefined, { ref: false });
    }
  };

  /** Resolves when the connection has ended. */
  const readOnce = (userId: string): Promise<void> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${link.port}/trpc`);
      const stop = (): void => socket.terminate();
      closing.signal.addEventListener('abort', stop, { once: true });
      const input = { campaignId: CAMPAIGN, viewer: { attributes: { userId, plan: 'gold' } } };
      const ask = (id: number, method: string, path: string, more: object): void =>
        socket.send(JSON.stringify({ id, method, params: { path, input: { ...input, ...more } } }));
      socket.on('open', () => {
        ask(1, 'subscription', 'campaign.watch', {});
        ask(2, 'query', 'campaign.get', {});
        ask(3, 'query', 'campaign.history', {});
      });
      socket.on('message', (data) => {
        messages += 1;
        // Sockets of `ws` give buffers unless they are told otherwise.
        const text = Buffer.isBuffer(data) ? data.toString() : '';
        if (text.includes(MARKER))
          violations.push({ rule: 'G11', message: `${userId} was sent a rule: ${text.slice(0, 400)}`, lines: [] });
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        closing.signal.removeEventListener('abort', stop);
        resolve();
      });
    });

  const read = async (userId: string): Promise<void> => {
    while (!closing.signal.aborted) {
      await readOnce(userId);
      await pause(RECONNECT_MS, undefined, { ref: false });
    }
  };

  const running = Promise.all([change(), ...Array.from({ length: READERS }, (_, index) => read(`reader-${index}`))]);
  return {
    get changes() {
      return changes;
    },
    get messages() {
      return messages;
    },
    violations,
    async close() {
      closing.abort();
      await running;
      await link.close();
    },
  };
}
