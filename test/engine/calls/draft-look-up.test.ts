import { expect, test } from 'vitest';
import type { Archive } from '../../../server/engine/ports.ts';
import type { Caller } from '../../../server/engine/service.ts';
import { CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, refusal } from '../../support/engine-world.ts';
import { testReader } from '../../support/watching.ts';

const DRAFT = 'draft';
const NOTHING = 'nothing';

/** Each way of an anonymous caller to a campaign: what comes before its first answer. */
const ways: [
  string,
  (world: ReturnType<typeof engineWorld>, caller: Caller, campaignId: string) => Promise<unknown>,
][] = [
  ['get', ({ manager }, caller, campaignId) => manager.get(caller, campaignId)],
  [
    'a stream that is pulled (SSE)',
    ({ manager }, caller, campaignId) => manager.watch(caller, testReader(caller.identity), { campaignId }).next(),
  ],
  [
    'a stream that is pushed (ws)',
    ({ manager }, caller, campaignId) =>
      manager.join(
        caller,
        { reader: testReader(caller.identity), send: () => undefined, end: () => undefined },
        {
          campaignId,
        },
      ),
  ],
  ['whenDurable', ({ manager }, caller, campaignId) => manager.whenDurable(caller, campaignId, 'e:1')],
];

test.each(ways)(
  'G11 M234 a caller without a token waits for the same look-up where there is a draft, in memory or not, and where there is nothing: %s',
  async (_name, ask) => {
    const calls: string[] = [];
    const recorded = (archive: Archive): Archive =>
      Object.fromEntries(
        Object.entries(archive).map(([name, call]) => [
          name,
          (...args: never[]) => {
            calls.push(name);
            return call(...args);
          },
        ]),
        // The same calls, each noted.
      ) as unknown as Archive;
    const world = engineWorld({ aroundArchive: recorded, idleTtl: 1_000 });
    const { clock, manager } = world;
    await world.create(DRAFT, { ...FIRST_STATE, slug: DRAFT, status: 'draft' });
    await world.create(CAMPAIGN);
    const look = async (campaignId: string): Promise<{ said: unknown; asked: string[] }> => {
      calls.length = 0;
      const { reason, message } = await refusal(clock.until(ask(world, CALLERS.anonymous, campaignId)));
      return { said: [reason, message.replace(campaignId, 'X')], asked: [...calls] };
    };
    const nothing = await look(NOTHING);
    expect(nothing.asked).toEqual(['list', 'findDeletion']);
    // In memory, because an editor has it open.
    await clock.until(manager.get(CALLERS.admin, DRAFT));
    expect(await look(DRAFT)).toEqual(nothing);
    await clock.advance(120_000);
    expect(manager.stats().campaigns).toBe(0);
    expect(await look(DRAFT)).toEqual(nothing);
    expect(manager.stats().campaigns).toBe(0);
    // What is published is shown, also without being in memory yet, and then without a look-up.
    expect(await clock.until(manager.get(CALLERS.anonymous, CAMPAIGN))).toMatchObject({ campaignId: CAMPAIGN });
    calls.length = 0;
    await clock.until(manager.get(CALLERS.anonymous, CAMPAIGN));
    expect(calls).toEqual([]);
  },
);
