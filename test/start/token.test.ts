import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpClient, refusal } from '../api/support/clients.ts';
import { CAMPAIGN, SECRET, startGuarded } from '../api/support/server.ts';
import { lastWords, ROOT, run, temporaryFolder } from './support/processes.ts';

async function token(args: string[], env: Record<string, string> = { AUTH_SECRET: SECRET }) {
  return lastWords(run([join(ROOT, 'server', 'cli', 'bin.ts'), 'token', ...args], env, await temporaryFolder()));
}

test('F8 prints a token that the server accepts, for that role and campaign', async () => {
  const { url } = await startGuarded();
  const { code, sentence } = await token([
    '--role',
    'editor',
    '--campaign',
    CAMPAIGN,
    '--sub',
    'grace',
    '--expires',
    '1h',
  ]);
  expect(code).toBe(0);
  const { campaign } = httpClient(url, sentence);
  await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'By token' } });
  expect((await campaign.history.query({ campaignId: CAMPAIGN, limit: 1 })).items).toMatchObject([
    { actor: { id: 'grace', role: 'editor' } },
  ]);
  expect(await refusal(campaign.get.query({ campaignId: 'secret' }))).toMatchObject({ reason: 'FORBIDDEN' });
  await httpClient(url, (await token(['--role', 'viewer'])).sentence).campaign.get.query({ campaignId: 'secret' });
});

test('F8 a missing or wrong argument is explained in one sentence', async () => {
  const wrong: [string[], Record<string, string>, RegExp][] = [
    [['--role', 'editor'], {}, /^AUTH_SECRET is not set/],
    [
      ['--role', 'editor'],
      { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: '*', AUTH_AUDIENCE: '*' },
      /^AUTH_JWKS_URL is set/,
    ],
    [['--role', 'owner'], { AUTH_SECRET: SECRET }, /^--role takes one of viewer, editor, admin, relay\.$/],
    [[], { AUTH_SECRET: SECRET }, /^--role takes/],
    [['--role', 'viewer', '--expires', 'never'], { AUTH_SECRET: SECRET }, /^--expires takes a duration/],
    [['--role', 'viewer', '--campaign', 'A B'], { AUTH_SECRET: SECRET }, /^--campaign takes/],
    [['--role', 'viewer', '--sub', ''], { AUTH_SECRET: SECRET }, /^--sub takes/],
    [['--rolle', 'viewer'], { AUTH_SECRET: SECRET }, /--rolle/],
    [['--role', 'viewer'], { AUTH_SECRET: 'short' }, /^AUTH_SECRET takes at least 32/],
  ];
  for (const [args, env, says] of wrong) {
    const { code, sentence } = await token(args, env);
    expect(code).toBe(1);
    expect(sentence).toMatch(says);
    expect(sentence.split('\n')).toHaveLength(1);
  }
});
