import { describe, expect, it } from 'vitest';
import { runPresence, type PresenceMutant } from './run.ts';

const SEEDS = 30;
const MUTANT_SEEDS = 60;

const MUTANTS: readonly PresenceMutant[] = [
  {
    name: 'say nothing again that was said',
    exchange(presence) {
      let last: string | undefined;
      return {
        ...presence,
        publish(campaignId, text) {
          if (text === last) return Promise.resolve();
          last = text;
          return presence.publish(campaignId, text);
        },
      };
    },
  },
  {
    name: 'believe an instance that died for ever',
    exchange: (presence, every) => ({
      ...presence,
      onPublished(listener) {
        const said = new Map<string, Parameters<typeof listener>>();
        presence.onPublished((campaignId, instance, text) => {
          said.set(instance, [campaignId, instance, text]);
          listener(campaignId, instance, text);
        });
        every(3_000, () => {
          for (const words of said.values()) listener(...words);
        });
      },
    }),
  },
  {
    name: 'tell who comes only of what is said from then on',
    exchange: (presence) => ({ ...presence, read: () => Promise.resolve(new Map()) }),
  },
  {
    name: 'let the oldest word of a person count',
    exchange: (presence) => ({
      ...presence,
      publish: (campaignId, text) =>
        presence.publish(
          campaignId,
          text?.replaceAll(/"movedAt":(\d+)/g, (_all, time) => `"movedAt":-${time}`),
        ),
    }),
  },
  {
    name: 'keep to itself that its people have left',
    exchange: (presence) => ({
      ...presence,
      publish: (campaignId, text) => (text === undefined ? Promise.resolve() : presence.publish(campaignId, text)),
    }),
  },
];

describe('histories of presence', () => {
  it(`Z13 who comes is told of everybody at once, and all see who is there, and where, in the end: ${SEEDS} seeds`, async () => {
    const sums = { opened: 0, closed: 0, moved: 0, died: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { violation, counts } = await runPresence(seed);
      expect(violation, `seed ${seed}`).toBeUndefined();
      for (const key of ['opened', 'closed', 'moved', 'died'] as const) sums[key] += counts[key];
    }
    for (const sum of Object.values(sums)) expect(sum).toBeGreaterThan(SEEDS);
  });

  it.each(MUTANTS)('Z14 finds a mutant: $name', async (mutant) => {
    for (let seed = 1; seed <= MUTANT_SEEDS; seed += 1) if ((await runPresence(seed, mutant)).violation) return;
    throw new Error(`it lived for ${MUTANT_SEEDS} seeds`);
  });
});
