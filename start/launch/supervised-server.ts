import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Announcement } from '../../server/cli/announcement.ts';
import { NODE_FLAGS } from '../../server/cli/node-flags.ts';
import type { Children } from './children.ts';

/** A server that crashes this often within the window is not restarted again. */
const MAX_CRASHES = 5;
const CRASH_WINDOW_MS = 10_000;

/** Whether this process runs in production. */
export const production = process.env['NODE_ENV'] === 'production';

/** Options of {@link superviseServer}. */
export interface SupervisedServerOptions {
  readonly children: Children;
  /** The name in messages, such as `The server`. */
  readonly name: string;
  /** Variables beside those of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Called each time the server accepts connections; `isRestart` after the first time. */
  readonly onReady: (announcement: Announcement, isRestart: boolean) => void;
  /** Called when the server has ended and is not restarted. */
  readonly onEnd: (code: number) => void;
}

/** A server process that is restarted after a crash. */
export interface SupervisedServer {
  /** Shuts it down and starts it again. */
  restart(): void;
}

/** Runs `start/main.ts`; outside of production a server that was killed is restarted, on the same port. */
export function superviseServer({ children, name, env, onReady, onEnd }: SupervisedServerOptions): SupervisedServer {
  let server: ChildProcess;
  let port: string | undefined;
  let restarting = false;
  let crashes: number[] = [];

  const start = (): void => {
    restarting = false;
    server = children.run(
      [...NODE_FLAGS, join('start', 'main.ts')],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // A process group of its own: a terminal sends Ctrl+C to the whole group, and the server would get it twice.
        // The server shuts down by itself when this process ends, because the ipc channel between the two closes.
        detached: true,
        // The launcher prints for people what the log at `info` says.
        env: {
          LOG_LEVEL: production ? 'info' : 'warn',
          ...process.env,
          ...env,
          ...(port !== undefined && { PORT: port }),
        },
      },
      onExit,
    );
    // `main.ts` sends nothing else.
    server.once('message', (message) => announce(message as Announcement));
  };

  const announce = (announcement: Announcement): void => {
    const isRestart = port !== undefined;
    ({ port } = new URL(announcement.url));
    onReady(announcement, isRestart);
  };

  const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (children.stopping) return;
    if (restarting) start();
    else if (production || signal === null) onEnd(code ?? 1);
    else startAfterCrash(signal);
  };

  const startAfterCrash = (signal: NodeJS.Signals): void => {
    const now = Date.now();
    crashes = [...crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
    if (crashes.length < MAX_CRASHES) {
      process.stdout.write(`${name} was killed (${signal}); restarting it …\n`);
      start();
    } else {
      process.stderr.write(`${name} was killed ${MAX_CRASHES} times within ${CRASH_WINDOW_MS / 1_000} s; giving up.\n`);
      onEnd(1);
    }
  };

  start();
  return {
    restart() {
      if (server.exitCode !== null || server.signalCode !== null) {
        start();
      } else {
        restarting = true;
        server.kill('SIGTERM');
      }
    },
  };
}
