import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpClient } from '../api/support/clients.ts';
import { until } from '../api/support/server.ts';
import { NODE_FLAGS } from '../../server/cli/node-flags.ts';
import { commandOf, lastWords, ROOT, run, temporaryFolder } from './support/processes.ts';
import type { Running } from './support/processes.ts';

const LAUNCH = join(ROOT, 'start', 'launch.mjs');

async function launch(): Promise<Running> {
  const folder = await temporaryFolder();
  return run([LAUNCH], { PORT: '0', DATA_DIR: join(folder, 'data') }, folder);
}

/** Whether a process runs. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const addressIn = (line: string): string => /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';

test('F7 an old Node is refused with one sentence', async () => {
  const old = `data:text/javascript,${encodeURIComponent("Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } });")}`;
  const { code, sentence } = await lastWords(run(['--import', old, LAUNCH], {}, await temporaryFolder()));
  expect(code).toBe(1);
  expect(sentence).toMatch(/^campaign-state needs Node 24 or newer, this is 20\.19\.0: [^\n]+\.$/);
  // An old Node parses the whole file before it runs a line of it: no syntax in it may be too new.
  expect(await readFile(LAUNCH, 'utf8')).not.toMatch(
    /import\.meta\.(dirname|resolve)|\bwith \{|\busing\b|withResolvers|#\w+ in/,
  );
});

test('F7 prints the address within one screen, serves, restarts a killed server, and stops with it', async () => {
  const running = await launch();
  const address = addressIn(await running.line(/Open +http/));
  await running.line(/Ctrl\+C/);
  expect(running.lines.length).toBeLessThan(24);
  const page = await fetch(address);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toBeTruthy();
  expect(await (await fetch(`${address}/dev`)).json()).toEqual({ kill: true });
  await httpClient(address).campaign.update.mutate({
    campaignId: 'ovasabi_website',
    updates: { title: 'Kept' },
    durability: 'durable',
  });

  await fetch(`${address}/dev/kill`, { method: 'POST' }).catch(() => undefined);
  await running.line(/was killed \(SIGKILL\); restarting it/);
  const again = addressIn(await running.line(/is back at/));
  expect(await httpClient(again).campaign.get.query({ campaignId: 'ovasabi_website' })).toMatchObject({
    state: { title: 'Kept' },
  });

  // The terminal and npm both pass a Ctrl+C on: it must count as one signal.
  running.kill('SIGINT');
  running.kill('SIGINT');
  expect(await running.ended).toBe(0);
  await until(() =>
    fetch(again).then(
      () => false,
      () => true,
    ),
  );
});

test.skipIf(process.platform !== 'linux')('F23 starts the server with the flags of node-flags.ts', async () => {
  const running = await launch();
  await running.line(/Open +http/);
  const children = await readFile(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8');
  const commands = await Promise.all(children.trim().split(' ').map(Number).map(commandOf));
  const server = commands.find((command) => command.includes(join('start', 'main.ts')));
  expect(server?.slice(1, 1 + NODE_FLAGS.length)).toEqual(NODE_FLAGS);
});

test.each(['SIGTERM', 'SIGKILL'] as const)('F21 %s to npm alone ends the launcher and its server', async (signal) => {
  const folder = await temporaryFolder();
  // As npm does it: a shell between, which passes no signal on.
  const code = `
    const { spawn } = require('node:child_process');
    const shell = spawn('sh', ['-c', '${process.execPath} ${LAUNCH}; exit 0'], { stdio: 'inherit' });
    process.on('SIGTERM', () => { shell.kill('SIGTERM'); process.exit(); });
  `;
  const env = { PORT: '0', CAMPAIGN_PERSISTENCE_ENABLED: 'false', npm_lifecycle_event: 'start' };
  const npm = run(['-e', code], env, folder);
  const address = addressIn(await npm.line(/Open +http/));
  const { pid } = npm;
  npm.kill(signal);
  await until(() => !isRunning(pid));
  await until(() =>
    fetch(address).then(
      () => false,
      () => true,
    ),
  );
});
