import { watch } from 'node:fs';
import { join } from 'node:path';
import { announcementLines, type Announcement } from '../../server/cli/announcement.ts';
import { createChildren, ROOT } from './children.ts';
import { buildDemoIfDue, VITE } from './demo-build.ts';
import { superviseServer } from './supervised-server.ts';

/**
 * `npm start` and `npm run dev`: builds the demo if that is due, starts the server, says where to look, and starts it
 * again when it is killed; in development also when its sources change, with the demo served by Vite.
 */

const dev = process.argv.includes('--dev');
const children = createChildren();

if (!dev) await buildDemoIfDue(children);
if (!children.stopping) {
  const server = superviseServer({
    children,
    name: 'The server',
    env: {},
    onReady: (announcement, again) =>
      print(again ? `The server is back at ${announcement.url}` : greeting(announcement)),
    onEnd: (code) => (dev ? print('The server ended; it starts again with the next change.') : children.finish(code)),
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

  Ctrl+C stops it; what was accepted is saved first.
`;
}

function onSourceChange(callback: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  const hear = (_event: string, name: string | null): void => {
    if (!/\.(ts|json)$/.test(name ?? '')) return;
    clearTimeout(timer);
    timer = setTimeout(callback, 100);
  };
  for (const folder of ['server', 'start']) watch(join(ROOT, folder), { recursive: true }, hear);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
