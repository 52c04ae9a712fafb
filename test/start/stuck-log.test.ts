import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { leastEnvironment, ROOT } from './support/processes.ts';

/** At `debug` each call is a log line. */
const ENVIRONMENT = {
  ...leastEnvironment(),
  PORT: '0',
  CAMPAIGN_PERSISTENCE_ENABLED: 'false',
  LOG_LEVEL: 'debug',
  CAMPAIGN_CALL_LIMIT: '0',
};

test.each(['before it is written to', 'after it was written to'])(
  'F20 a reader of the log that is gone (%s) holds up neither the service nor its exit',
  async (how) => {
    const server = spawn(process.execPath, [join(ROOT, 'start', 'main.ts')], {
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    });
    try {
      const [{ url }] = await once(server, 'message');
      server.stdout?.destroy();
      if (how.startsWith('after'))
        for (let call = 0; call < 20; call += 1) expect((await fetch(`${url}/trpc/system.info`)).status).toBe(200);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      const startedAt = performance.now();
      server.kill('SIGTERM');
      expect(await once(server, 'exit')).toEqual([0, null]);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    } finally {
      server.kill('SIGKILL');
    }
  },
);

test('F14 a log without a reader holds up neither the service nor its exit', async () => {
  const server = spawn(process.execPath, [join(ROOT, 'start', 'main.ts')], {
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
  try {
    // The announcement that it sends to its parent once it is ready.
    const [{ url }] = await once(server, 'message');
    server.stdout?.pause();
    // At `debug` each call is a log line: a megabyte of them, more than the pipe holds.
    const refused = `${url}/trpc/${Array(100).fill('campaign.get').join(',')}?batch=1`;
    for (let batch = 0; batch < 40; batch += 1) expect((await fetch(refused)).status).toBe(400);
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
  } finally {
    server.kill('SIGKILL');
  }
});
