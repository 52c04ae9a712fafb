import type { Announcement } from '../../server/cli/announcement.ts';
import { createChildren } from './children.ts';
import { findDatabases, type Databases } from './databases.ts';
import { buildDemoIfDue } from './demo-build.ts';
import { superviseServer } from './supervised-server.ts';

/**
 * `npm run start:cluster`: three instances on this machine, at one address each, over one Redis and one Postgres. Each
 * serves the demo, which names the instance that its tab talks to. Kill one: its tabs come back, the others do not
 * notice.
 */

const INSTANCES = 3;
const FIRST_PORT = 4_000;

const children = createChildren();
const ready = new Map<number, Announcement>();

await buildDemoIfDue(children);
if (!children.stopping) {
  const databases = await openDatabases();
  children.afterwards(() => databases.stop());
  for (let number = 1; number <= INSTANCES; number += 1) startInstance(number, databases);
}

async function openDatabases(): Promise<Databases> {
  try {
    return await findDatabases(process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function startInstance(number: number, databases: Databases): void {
  superviseServer({
    children,
    name: `Instance ${number}`,
    env: {
      PORT: portOf(process.env['PORT'] || String(FIRST_PORT), number),
      ...(process.env['METRICS_PORT'] && { METRICS_PORT: portOf(process.env['METRICS_PORT'], number) }),
      DATABASE_URL: databases.databaseUrl,
      REDIS_URL: databases.redisUrl,
    },
    onReady(announcement, again) {
      if (again) return print(`Instance ${number} is back at ${announcement.url}`);
      ready.set(number, announcement);
      if (ready.size === INSTANCES) print(greeting(databases, announcement));
    },
    onEnd: (code) => children.finish(code),
  });
}

/**
 * Ports in a row; 0, any that is free, and what is no port at all, which the instance itself refuses, stay as they are.
 */
function portOf(first: string, number: number): string {
  return /^[1-9]\d*$/.test(first) ? String(Number(first) + number - 1) : first;
}

function greeting({ description }: Databases, { access }: Announcement): string {
  const urls = [...ready].sort(([a], [b]) => a - b).map(([, { url }]) => url);
  const lines = [
    ...urls.map((url, index) => `${index === 0 ? 'Open      ' : '          '}${url}`),
    `Data      ${description}`,
    `Access    ${access}`,
    `Kill one  with the page's own button, or curl -X POST ${urls.at(-1)}/dev/kill`,
  ];
  return `
  campaign-state is running: ${INSTANCES} instances, one line of history

${lines.map((line) => `    ${line}`).join('\n')}

  Ctrl+C stops them; what was accepted is saved first. Databases of its own, and what is in them, end with them.
`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
