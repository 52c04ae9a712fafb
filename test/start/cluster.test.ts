import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpClient, watch, wsClient } from '../api/support/clients.ts';
import { until } from '../api/support/server.ts';
import { ROOT, run, temporaryFolder } from './support/processes.ts';

const CAMPAIGN = 'ovasabi_website';

async function leftoversOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('campaign-state-'));
}

test(
  'F9 three instances over a temporary Redis and Postgres: one order of changes, a killed instance comes back, everything ends',
  { timeout: 600_000 },
  async () => {
    const folder = await temporaryFolder();
    // As root, Postgres runs as another user, who must be able to enter the folder.
    await chmod(folder, 0o755);
    const running = run(
      [join(ROOT, 'start', 'launch.mjs'), '--cluster'],
      { PORT: '0', TMPDIR: folder, LOG_LEVEL: 'error' },
      folder,
    );
    await running.line(/Ctrl\+C/);
    expect(running.lines.length).toBeLessThan(24);
    const urls = running.lines.flatMap((line) => /^ +(?:Open +)?(http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? []);
    expect(new Set(urls).size).toBe(3);
    const [a = '', b = '', c = ''] = urls;
    expect(await leftoversOf(folder)).toHaveLength(2);

    const instances = await Promise.all(urls.map(async (url) => (await httpClient(url).system.info.query()).instance));
    expect(new Set(instances).size).toBe(3);

    const watching = watch(wsClient(b), { campaignId: CAMPAIGN });
    await until(() => watching.mirror.version > 0);
    await httpClient(a).campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'From the first' } });
    await until(() => watching.mirror.content.state['title'] === 'From the first');

    await fetch(`${c}/dev/kill`, { method: 'POST' }).catch(() => undefined);
    await running.line(/^Instance 3 was killed \(SIGKILL\); restarting it/);
    await httpClient(a).campaign.update.mutate({
      campaignId: CAMPAIGN,
      updates: { title: 'While the third was away' },
    });
    expect(await running.line(/^Instance 3 is back at/)).toContain(c);
    const { state } = await httpClient(c).campaign.get.query({ campaignId: CAMPAIGN });
    expect(state).toMatchObject({ title: 'While the third was away' });

    running.kill('SIGINT');
    expect(await running.ended).toBe(0);
    for (const url of urls) await expect(fetch(url)).rejects.toThrow();
    expect(await leftoversOf(folder)).toEqual([]);
  },
);
