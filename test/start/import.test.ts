import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpClient } from '../api/support/clients.ts';
import { CAMPAIGN, SECRET, startGuarded, tokenFor } from '../api/support/server.ts';
import { ROOT, run, temporaryFolder } from './support/processes.ts';

const GROWTHBOOK = {
  features: {
    leaderboard: { defaultValue: false, rules: [{ condition: { country: 'NG' }, force: true }] },
    price: {
      defaultValue: 10,
      rules: [{ hashVersion: 2, hashAttribute: 'id', key: 'price-test', variations: [10, 12] }],
    },
    visual: { defaultValue: 1, rules: [{ urlPatterns: [], force: 2 }] },
  },
};

async function importing(contents: unknown, url: string, args: readonly string[], from = 'growthbook') {
  const folder = await temporaryFolder();
  const file = join(folder, 'export.json');
  await writeFile(file, typeof contents === 'string' ? contents : JSON.stringify(contents));
  const command = [join(ROOT, 'server', 'cli', 'bin.ts'), 'import', '--from', from, file, '--url', url, ...args];
  const running = run(command, { AUTH_SECRET: SECRET }, folder);
  const code = await running.ended;
  return { code, said: running.lines.join('\n') };
}

test('T320 says what an import would do and changes nothing; with --yes the campaign has the segments, rules and features', async () => {
  const { url } = await startGuarded();
  const admin = httpClient(url, await tokenFor({ '*': 'admin' }));
  const before = await admin.campaign.get.query({ campaignId: CAMPAIGN });

  const planned = await importing(GROWTHBOOK, url, []);
  expect(planned.code).toBe(0);
  expect(planned.said).toContain('Carried over: 2 flags, 2 rules');
  expect(planned.said).toContain('Not carried over:\n  visual has a rule with urlPatterns');
  expect(planned.said).toContain('Nothing was changed; --yes writes this into spring.');
  expect(await admin.campaign.get.query({ campaignId: CAMPAIGN })).toEqual(before);

  expect((await importing(GROWTHBOOK, url, ['--yes'])).code).toBe(0);
  const viewer = httpClient(url, await tokenFor({ [CAMPAIGN]: 'viewer' }));
  const seenFrom = async (country: string) =>
    (await viewer.campaign.get.query({ campaignId: CAMPAIGN, viewer: { attributes: { country } } })).state;
  expect((await seenFrom('NG'))['features']).toEqual(['referral', 'leaderboard']);
  expect((await seenFrom('DE'))['features']).toEqual(['referral']);
  expect((await seenFrom('DE'))['flags']).toEqual({ price: 10 });

  // What is there already, and the same, is no change.
  const { version } = await admin.campaign.get.query({ campaignId: CAMPAIGN });
  expect((await importing(GROWTHBOOK, url, ['--yes'])).code).toBe(0);
  expect((await admin.campaign.get.query({ campaignId: CAMPAIGN })).version).toBe(version);
});

test('T321 a file that is no export, and what the campaign would refuse, is said in a sentence, and nothing is changed', async () => {
  const { url } = await startGuarded();
  const many = Object.fromEntries(
    Array.from({ length: 101 }, (_, index) => [
      `f${index}`,
      { defaultValue: false, rules: [{ force: true, condition: { a: index } }] },
    ]),
  );
  const cases = [
    ['growthbook', '{', [], /is not JSON/],
    ['growthbook', { flags: 1 }, [], /is not such an export: features/],
    ['unleash', { features: 1 }, [], /is not such an export: features/],
    ['toggles', {}, [], /^--from takes growthbook or unleash\./],
    ['growthbook', GROWTHBOOK, ['--campaign', 'A B'], /^--campaign takes the id/],
    [
      'growthbook',
      { features: many },
      ['--yes'],
      /Nothing was changed: spring would refuse it, rules: must have at most 100/,
    ],
  ] as const;
  for (const [from, contents, args, says] of cases) {
    const { code, said } = await importing(contents, url, args, from);
    expect(code).toBe(1);
    expect(said).toMatch(says);
  }
  const admin = httpClient(url, await tokenFor({ '*': 'admin' }));
  expect((await admin.campaign.get.query({ campaignId: CAMPAIGN })).version).toBe(1);
});
