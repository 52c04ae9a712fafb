import { fork } from 'node:child_process';
import { join } from 'node:path';
import type {
  Collect,
  LoadCommand,
  LoadReply,
  Mutated,
  Received,
  ServerCommand,
  ServerReply,
  Usage,
} from './messages.ts';

/** A child process that answers each command with one message. */
interface Child<C, R extends { type: string }> {
  ask<T extends R['type']>(command: C, type: T): Promise<Extract<R, { type: T }>>;
  next<T extends R['type']>(type: T): Promise<Extract<R, { type: T }>>;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Those that run: none outlives the benchmark. */
const running = new Set<() => void>();
process.once('exit', () => {
  for (const kill of running) kill();
});

function start<C extends object, R extends { type: string }>(file: string, env: NodeJS.ProcessEnv = {}): Child<C, R> {
  const child = fork(join(import.meta.dirname, '..', file), {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const killNow = (): void => void child.kill('SIGKILL');
  running.add(killNow);
  const exited = new Promise<never>((_, reject) =>
    child.once('exit', (code, signal) => {
      running.delete(killNow);
      reject(new Error(`${file} ended (${code ?? signal})`));
    }),
  );
  exited.catch(() => undefined);

  const next = <T extends R['type']>(type: T): Promise<Extract<R, { type: T }>> => {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<R, { type: T }>>();
    const listen = (message: unknown): void => {
      // The child sends nothing else; see `messages.ts`.
      const reply = message as R | { type: 'failed'; message: string };
      if (reply.type === type) resolve(reply as Extract<R, { type: T }>);
      else if ('message' in reply && reply.type === 'failed') reject(new Error(reply.message));
      else return;
      child.off('message', listen);
    };
    child.on('message', listen);
    return Promise.race([exited, promise]);
  };

  return {
    next,
    ask(command, type) {
      const answer = next(type);
      child.send(command);
      return answer;
    },
    async kill() {
      killNow();
      await exited.catch(() => undefined);
    },
  };
}

/** A server under test, in a process of its own. */
export interface Server {
  port: number;
  /** So many updates in one turn; answers the number of the last one. */
  publish(updates: number, bytes: number): Promise<number>;
  publishAt(rate: number, milliseconds: number, bytes: number): Promise<number>;
  campaigns(count: number, bytes: number): Promise<void>;
  usage(collect?: Collect): Promise<Usage>;
  /** As SIGTERM ends it. */
  close(): Promise<void>;
  /** As `kill -9` ends it. */
  stop(): Promise<void>;
}

/** @param system the file's name in `systems/` */
export async function startServer(system: string, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const child = start<ServerCommand, ServerReply>(`systems/${system}.ts`, env);
  const { port } = await child.next('ready');
  return {
    port,
    publish: async (updates, bytes) => (await child.ask({ type: 'publish', updates, bytes }, 'done')).published,
    publishAt: async (rate, milliseconds, bytes) =>
      (await child.ask({ type: 'publish-at', rate, milliseconds, bytes }, 'done')).published,
    campaigns: async (count, bytes) => void (await child.ask({ type: 'campaigns', count, bytes }, 'done')),
    usage: async (collect = 'garbage') => (await child.ask({ type: 'usage', collect }, 'usage')).usage,
    async close() {
      await child.ask({ type: 'close' }, 'closed');
      await child.kill();
    },
    stop: () => child.kill(),
  };
}

/** Thin clients, in a process of their own. */
export interface Load {
  connect(protocol: string, port: number, count: number, secret?: string): Promise<void>;
  follow(): Promise<void>;
  reset(): Promise<void>;
  leave(count: number): Promise<void>;
  received(last: number, timeoutMs: number): Promise<Received>;
  mutate(command: Omit<Extract<LoadCommand, { type: 'mutate' }>, 'type'>): Promise<Mutated>;
  stop(): Promise<void>;
}

export function startLoad(): Load {
  const child = start<LoadCommand, LoadReply>('harness/load.ts');
  const tell = async (command: LoadCommand): Promise<void> => void (await child.ask(command, 'connected'));
  return {
    connect: (protocol, port, count, secret) =>
      tell({ type: 'connect', protocol, port, count, ...(secret !== undefined && { secret }) }),
    follow: () => tell({ type: 'follow' }),
    reset: () => tell({ type: 'reset' }),
    leave: (count) => tell({ type: 'leave', count }),
    received: async (last, timeoutMs) => (await child.ask({ type: 'await', last, timeoutMs }, 'received')).received,
    mutate: async (command) => (await child.ask({ type: 'mutate', ...command }, 'mutated')).mutated,
    stop: () => child.kill(),
  };
}
