import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../server/core/json.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { fuzzClient, SECRETS } from '../support/fuzz-client.ts';
import { CAMPAIGN, cleanUp, startGuarded, until } from '../support/server.ts';

/** More of them: `SEEDS=100 npx vitest run --project api test/api/procedures/stream-fuzz.test.ts`. */
const SEEDS = Number(process.env['SEEDS'] ?? 4);
const CLIENTS = 16;
const STEPS = 250;

const caller = { identity: { id: 'admin', grants: { '*': 'admin' as const } }, correlationId: 'test' };

describe.each(['rooms', 'iterator'] as const)(
  'S30 under random clients every stream is complete and shows only what its subscriber may see (%s)',
  (fanOut) => {
    test.each(Array.from({ length: SEEDS }, (_, index) => index + 1))('S30 seed %i (G1, G6, G9, G11)', async (seed) => {
      const random = seededRandom(seed);
      const { url, service } = await startGuarded({
        fanOut,
        publicRead: true,
        archive: undefined,
        subscriberBuffer: 4,
      });
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, (_, index) =>
          fuzzClient(url, random.fork(), index % 4 === 0 ? 'public' : 'viewer'),
        ),
      );
      for (const client of clients) cleanUp(() => client.close());
      const update = (updates: JsonObject): Promise<unknown> =>
        service.mutate(caller, CAMPAIGN, { type: 'update', updates }, {});

      let draft = false;
      for (let step = 1; step <= STEPS; step += 1) {
        if (random.chance(0.05)) {
          // What was written in the draft is gone before it is published.
          if (draft) await update({ note: null });
          draft = !draft;
          await update({ status: draft ? 'draft' : 'active' });
          if (draft) await update({ note: SECRETS.draft });
        }
        const changes = random.pick([0, 1, 1, 3, 40]);
        const text = 'x'.repeat(random.pick([10, 10, 8_000]));
        for (let change = 1; change <= changes; change += 1) {
          await update(
            random.chance(0.3)
              ? { owner_id: `${SECRETS.owner} ${step}.${change}` }
              : { description: `${step}.${change} ${text}` },
          );
          if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
        }
        for (const client of clients) if (random.chance(0.5)) await client.step();
        if (random.chance(0.5)) await new Promise((resolve) => setTimeout(resolve, random.int(0, 3)));
      }

      await update({ note: null, status: 'active', description: 'the end' });
      const { version, state } = await service.get(caller, CAMPAIGN);
      const { owner_id: _hidden, ...published } = state;
      await until(async () => {
        await Promise.all(clients.map((client) => client.settle()));
        await new Promise((resolve) => setTimeout(resolve, 20));
        return clients.every(
          ({ watchers, rights, violations }) =>
            rights !== 'changing' &&
            (violations.length > 0 || watchers.every(({ mirror }) => mirror.version === version)),
        );
      });
      for (const { violations, watchers, rights } of clients) {
        expect(violations).toEqual([]);
        for (const { mirror } of watchers)
          expect(mirror.content.state).toEqual(rights === 'public' ? published : state);
      }
      for (const client of clients) client.close();
      await until(() => service.stats().subscribers === 0);
    });
  },
);
