import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, startServer } from '../api/support/server.ts';
import { ROOT } from './support/processes.ts';

const run = promisify(execFile);
const TRAFFIC = ['--conditions=source', join(ROOT, 'demo', 'traffic', 'main.ts')];

test('F92 demo:traffic plays visitors with a known effect, says how far it is, and what was found', async () => {
  const { url } = await startServer();
  const played = ['--url', url, '--campaign', CAMPAIGN, '--visitors', '200', '--seconds', '1', '--pages', '2'];
  const { stdout } = await run(process.execPath, [...TRAFFIC, ...played]);
  expect(stdout).toContain('100 of 200\n');
  expect(stdout).toMatch(/What was found: {2}Too early: about [\d,]+ more people/);
  // Again: the rule stays, and others come.
  await run(process.execPath, [...TRAFFIC, ...played]);
  const client = wsClient(url);
  const { arms, metrics, unverified } = await client.analytics.results.query({
    campaignId: CAMPAIGN,
    rule: 'demo_traffic',
  });
  expect(arms.reduce((sum, { units }) => sum + units, 0)).toBe(400);
  expect(unverified.units).toBe(0);
  expect(metrics['leads']?.arms.reduce((sum, { conversions }) => sum + conversions, 0)).toBeGreaterThan(10);
});

test('F92 demo:traffic says what to write in place of what is no number', async () => {
  const failure = (args: string[]): Promise<unknown> =>
    run(process.execPath, [...TRAFFIC, ...args]).then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(await failure(['--visitors', 'many'])).toMatchObject({
    code: 1,
    stderr: 'demo:traffic: --visitors is many: write a number\n',
  });
});
