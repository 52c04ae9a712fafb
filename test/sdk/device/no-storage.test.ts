import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const CLIENT = new URL('../../../client-sdk/src/index.ts', import.meta.url).href;

test('K206 where there are locks and no IndexedDB, `persist` holds no lock, and no process', async () => {
  const program = `
    import { createCampaignClient } from ${JSON.stringify(CLIENT)};
    const seed = { campaignId: 'spring', epoch: 'e', version: 1, durableVersion: 1, state: { title: 'Spring' }, isDefault: true };
    for (let page = 0; page < 3; page += 1) {
      const client = createCampaignClient({ url: 'http://127.0.0.1:9', persist: true, seeds: [seed], logger: console });
      console.log(client.campaign().getSnapshot().state.title);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { held, pending } = await navigator.locks.query();
    console.log(typeof indexedDB, held.length, pending.length);
  `;
  // It ends by itself: none of the clients was closed.
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 });
  expect(stdout.trim().split('\n')).toEqual(['Spring', 'Spring', 'Spring', 'undefined 0 0']);
});
