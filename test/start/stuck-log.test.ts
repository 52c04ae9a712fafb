import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/processes.ts';

test('F14 a log without a reader holds up neither the service nor its exit', async () => {
  const { PATH = '' } = process.env;
  const env = { PATH, PORT: '0', CAMPAIGN_PERSISTENCE_ENABLED: 'false' };
  const server = spawn(process.execPath, [join(ROOT, 'start', 'main.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  try {
    // The announcement that it sends to its parent once it is ready.
    const [{ url }] = await once(server, 'message');
    server.stdout?.pause();
    // Each refusal is a log line: a megabyte of them, more than the pipe holds.
    const refused = `${url}/trpc/${Array(100).fill('campaign.get').join(',')}?batch=1`;
    for (let batch = 0; batch < 40; batch += 1) expect((await fetch(refused)).status).toBe(400);
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
  } finally {
    server.kill('SIGKILL');
  }
});
