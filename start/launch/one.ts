import { watch } from 'node:fs';
import { join } from 'node:path';
import { announcementLines, type Announcement } from '../../server/cli/announcement.ts';
import { createChildren, ROOT } from './children.ts';
import { buildDemoIfDue, VITE } from './demo-build.ts';
import { superviseServer } from './supervised-server.ts';

/**
 * `npm start` and `npm run dev`: builds the demo where it is out of date, starts the server, prints its address, and
 * restarts it after a crash. `--dev` also restarts it when its sources change, and serves the demo with Vite.
 */

/** An editor writes several files at once; one restart is enough. Milliseconds. */
const DEBOUNCE_MS = 100;

const dev = process.argv.includes('--dev');
const children = createChildren();

if (!dev) await buildDemoIfDue(children);
if (!children.stopping) {
  const server = superviseServer({
    children,
    name: 'The server',
    env: {},
    onReady: (announcement, isRestart) =>
      print(isRestart ? `The server is back at ${announcement.url}` : greeting(announcement)),
    onEnd: (code) => (dev ? print('The server ended; it is restarted after the next change.') : children.finish(code)),
  });
  if (dev) {
    children.run([VITE, '--clearScreen', 'false'], {
      cwd: join(ROOT, 'demo'),
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    onSourceChange(() => !children.stopping && server.restart());
  }
}

function greeting(announcement: Announcement): string {
  const lines = [
    `Open      ${dev ? 'the address that Vite prints' : announcement.url}`,
    ...announcementLines(announcement),
  ];
  return `
  campaign-state is running

${lines.map((line) => `    ${line}`).join('\n')}

  Ctrl+C stops it; accepted changes are saved first.
`;
}

function onSourceChange(callback: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const onChange = (_event: string, name: string | null): void => {
    if (!/\.(ts|json)$/.test(name ?? '')) return;
    clearTimeout(timer);
    timer = setTimeout(callback, DEBOUNCE_MS);
  };
  for (const folder of ['server', 'start']) watch(join(ROOT, folder), { recursive: true }, onChange);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
