import { join } from 'node:path';
import { SignJWT } from 'jose';
import type { Announcement } from '../../server/cli/announcement.ts';
import { NODE_FLAGS } from '../../server/cli/node-flags.ts';
import type { Children } from './children.ts';

/** How long the key of relays on this machine is valid: as long as tokens may be. */
const KEY_LIFETIME = '30d';

export interface RelayOptions {
  readonly children: Children;
  readonly upstream: string;
  readonly port: string;
  readonly key: string | undefined;
}

/** The number after `--relays`; 0 without it. Anything else ends the process with one sentence. */
export function relaysOf(args: readonly string[]): number {
  const at = args.indexOf('--relays');
  if (at < 0) return 0;
  const text = args[at + 1] ?? '';
  if (/^\d{1,2}$/.test(text)) return Number(text);
  process.stderr.write('--relays takes a number from 0 to 99.\n');
  process.exit(1);
}

/** What relays of servers with these variables show: a token of their secret; none where they ask for none. */
export async function relayKey({ RELAY_KEY, AUTH_SECRET }: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (RELAY_KEY) return RELAY_KEY;
  if (!AUTH_SECRET) return undefined;
  return new SignJWT({ campaigns: { '*': 'relay' } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('relay')
    .setExpirationTime(KEY_LIFETIME)
    .sign(new TextEncoder().encode(AUTH_SECRET));
}

/** Starts a relay; it ends with the launcher, and the launcher with it. Resolves to its address. */
export function startRelay({ children, upstream, port, key }: RelayOptions): Promise<string> {
  return new Promise((resolve) => {
    const relay = children.run(
      [...NODE_FLAGS, join('server', 'cli', 'bin.ts'), 'relay', '--upstream', upstream],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // As the servers: a terminal's Ctrl+C comes once, from the launcher.
        detached: true,
        env: {
          LOG_LEVEL: 'warn',
          ...process.env,
          METRICS_PORT: '',
          PORT: port,
          ...(key !== undefined && { RELAY_KEY: key }),
        },
      },
      (code) => {
        if (!children.stopping) children.finish(code ?? 1);
      },
    );
    // It sends nothing else.
    relay.once('message', (message) => resolve((message as Announcement).url));
  });
}
