import type { Announcement } from '../../server/cli/announcement.ts';
import { createChildren } from './children.ts';
import { findDatabases, type Databases } from './databases.ts';
import { buildDemoIfDue } from './demo-build.ts';
import { relayKey, relaysOf, startRelay } from './relays.ts';
import { superviseServer } from './supervised-server.ts';

/**
 * `npm run start:cluster`: three instances on this machine, each with its own address, over one Redis and one Postgres.
 * Each serves the demo, which shows the instance that it is connected to. Where one is killed, its clients reconnect
 * and the others go on. `-- --relays 2` puts so many relays before them, each with an address of its own.
 */

const INSTANCES = 3;
const FIRST_PORT = 4_000;
const RELAYS = relaysOf(process.argv);

const children = createChildren();
const ready = new Map<number, Announcement>();

await buildDemoIfDue(children);
if (!children.stopping) {
  const databases = await openDatabases();
  children.onEnd(() => databases.stop());
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
    onReady(announcement, isRestart) {
      if (isRestart) return print(`Instance ${number} is back at ${announcement.url}`);
      ready.set(number, announcement);
      if (ready.size === INSTANCES) void startRelays(databases, announcement);
    },
    onEnd: (code) => children.finish(code),
  });
}

/** Starts the relays, before the first instance and the next ones in turn, and says where everything is. */
async function startRelays(databases: Databases, announcement: Announcement): Promise<void> {
  const urls = [...ready].sort(([a], [b]) => a - b).map(([, { url }]) => url);
  const key = RELAYS > 0 ? await relayKey(process.env) : undefined;
  const relays = await Promise.all(
    Array.from({ length: RELAYS }, (_, index) => {
      const port = portOf(process.env['PORT'] || String(FIRST_PORT), INSTANCES + index + 1);
      return startRelay({ children, upstream: urls[index % urls.length] ?? '', port, key });
    }),
  );
  print(greeting(databases, announcement, relays));
}

/**
 * Consecutive ports for the instances. 0, which takes any free port, stays as it is, and so does what is not a port,
 * which the instance itself refuses.
 */
function portOf(first: string, number: number): string {
  return /^[1-9]\d*$/.test(first) ? String(Number(first) + number - 1) : first;
}

function greeting({ description }: Databases, { access }: Announcement, relays: readonly string[]): string {
  const urls = [...ready].sort(([a], [b]) => a - b).map(([, { url }]) => url);
  const lines = [
    ...urls.map((url, index) => `${index === 0 ? 'Open      ' : '          '}${url}`),
    ...relays.map((url, index) => `${index === 0 ? 'Relays    ' : '          '}${url}`),
    `Data      ${description}`,
    `Access    ${access}`,
    `Kill one  with the button of the page, or curl -X POST ${urls.at(-1)}/dev/kill`,
  ];
  return `
  campaign-state is running: ${INSTANCES} instances, one order of changes${RELAYS > 0 ? `; ${RELAYS} relays` : ''}

${lines.map((line) => `    ${line}`).join('\n')}

  Ctrl+C stops them; accepted changes are saved first. Databases that were started here are deleted with their data.
`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
