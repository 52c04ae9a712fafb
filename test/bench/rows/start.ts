import { fork } from 'node:child_process';
import { join } from 'node:path';
import { NODE_FLAGS } from '../../../server/cli/node-flags.ts';
import { startServer } from '../harness/child.ts';
import { CONTESTANTS } from '../harness/contestants.ts';
import { atMost, type Row } from '../harness/row.ts';
import { BrokenRun } from '../harness/trial.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'start', 'main.ts');
const STORED_BYTES = 2_000;

/** From nothing to the first answer, as `npm start` starts the server. */
export const start: Row = {
  name: 'start',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    { name: 'start-empty', title: 'start in an empty folder, embedded', unit: 's', targets: [atMost(5)] },
    { name: 'start-stored', title: 'start with 1,000 campaigns stored, embedded', unit: 's', targets: [atMost(2.5)] },
  ],
  async measure(round) {
    const folder = await round.services.folder();
    round.record('start-empty', 'ours', await startOnce(folder));
    // What follows only takes time where nothing is measured.
    if (round.size({ full: false, quick: false, verify: true })) return;
    const stored = 1_000;
    const { system, env } = CONTESTANTS.ours;
    // The namespace of a server that nobody has configured.
    const server = await startServer(system, { ...env, DATA_DIR: folder, CAMPAIGN_NAMESPACE: 'cs' });
    await server.campaigns(stored, STORED_BYTES);
    await server.close();
    round.record('start-stored', 'ours', await startOnce(folder));
  },
};

/** Seconds from the start of the process until it is ready; ends it as SIGTERM does. */
async function startOnce(folder: string): Promise<number> {
  const startedAt = performance.now();
  const child = fork(MAIN, {
    env: { PATH: process.env['PATH'], DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent' },
    execArgv: [...NODE_FLAGS],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    const { url } = await new Promise<{ url: string }>((resolve, reject) => {
      child.once('message', (announcement) => resolve(announcement as { url: string }));
      void ended.then((code) => reject(new BrokenRun(`ours: start/main.ts ended with ${code}`)));
    });
    const { status } = await fetch(`${url}/readyz`);
    if (status !== 200) throw new BrokenRun(`ours: /readyz answered ${status} after the start`);
    return (performance.now() - startedAt) / 1_000;
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
