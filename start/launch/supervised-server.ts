import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Announcement } from '../../server/cli/announcement.ts';
import type { Children } from './children.ts';

/** A server that is killed so often within this time would only be killed again. */
const CRASHES = 5;
const CRASH_WINDOW_MS = 10_000;

export const production = process.env['NODE_ENV'] === 'production';

export interface SupervisedServerOptions {
  children: Children;
  /** For messages, such as `The server`. */
  name: string;
  /** Beside our own environment. */
  env: Readonly<Record<string, string>>;
  /** It answers; `again` after the first time. */
  onReady: (announcement: Announcement, again: boolean) => void;
  /** It has ended by itself, or was killed and is not started again. */
  onEnd: (code: number) => void;
}

export interface SupervisedServer {
  /** Ends it in order and starts it again. */
  restart(): void;
}

/** Runs `start/main.ts`; in development a server that is killed is started again, on the port it had. */
export function superviseServer({ children, name, env, onReady, onEnd }: SupervisedServerOptions): SupervisedServer {
  let server: ChildProcess;
  let port: string | undefined;
  let restarting = false;
  let crashes: number[] = [];

  const start = (): void => {
    restarting = false;
    server = children.run(
      [join('start', 'main.ts')],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // In a process group of its own: Ctrl+C reaches every process of the terminal's, and would reach the server
        // twice. It stops by itself when this process is gone, because the channel between the two closes.
        detached: true,
        // What a log at `info` says, the launcher's lines say to people.
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
    const again = port !== undefined;
    ({ port } = new URL(announcement.url));
    onReady(announcement, again);
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
    if (crashes.length < CRASHES) {
      process.stdout.write(`${name} was killed (${signal}); starting it again …\n`);
      start();
    } else {
      process.stderr.write(`${name} was killed ${CRASHES} times within ${CRASH_WINDOW_MS / 1_000} s; giving up.\n`);
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
