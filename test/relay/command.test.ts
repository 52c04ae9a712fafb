import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watch, wsClient } from '../api/support/clients.ts';
import { SECRET, tokenFor, until } from '../api/support/server.ts';
import { lastWords, ROOT, run, startMain, temporaryFolder } from '../start/support/processes.ts';

const BIN = join(ROOT, 'server', 'cli', 'bin.ts');
const CAMPAIGN = 'ovasabi_website';

test('Q11 a key of `access create --role relay`, and `relay --upstream`, make a relay; SIGTERM ends it', async () => {
  const folder = await temporaryFolder();
  const origin = await startMain(folder, { AUTH_SECRET: SECRET, CAMPAIGN_PERSISTENCE_ENABLED: 'false' });
  const creating = run(
    [BIN, 'access', 'create', '--name', 'relay', '--role', 'relay', '--url', origin.url],
    { AUTH_SECRET: SECRET },
    folder,
  );
  const key = await creating.line(/^csk_/);
  const env = { AUTH_SECRET: SECRET, RELAY_KEY: key, PORT: '0' };
  const relay = run([BIN, 'relay', '--upstream', origin.url], env, folder);
  const { url }: { url: string } = JSON.parse(await relay.line(/campaign-state relay is ready/));
  const client = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
  const watching = watch(client, { campaignId: CAMPAIGN });
  await until(() => watching.events.length > 0);
  await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Relayed' } });
  await until(() => watching.mirror.content.state['title'] === 'Relayed');
  relay.kill('SIGTERM');
  expect(await relay.ended).toBe(0);
});

test('Q11 a relay that cannot start says why in one sentence, with exit code 1', async () => {
  const folder = await temporaryFolder();
  expect(await lastWords(run([BIN, 'relay'], {}, folder))).toEqual({
    code: 1,
    sentence:
      '--upstream, or RELAY_UPSTREAM, takes the address of the server to relay, such as wss://campaigns.example.com.',
  });
  const nobody = ['relay', '--upstream', 'ws://127.0.0.1:9'];
  const { code, sentence } = await lastWords(run([BIN, ...nobody], { START_TIMEOUT: '1s', PORT: '0' }, folder));
  expect(code).toBe(1);
  expect(sentence).toMatch(/^Upstream has not answered in time: .+\.$/);
});
