import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { LoadCommand, LoadReply, ServerCommand, ServerReply, Usage } from './messages.ts';

/** A child process that answers each command with one message. */
interface Child<C, R> {
  ask<T extends R['type' & keyof R]>(command: C, type: T): Promise<Extract<R, { type: T }>>;
  next<T extends R['type' & keyof R]>(type: T): Promise<Extract<R, { type: T }>>;
  stop(): Promise<void>;
}

function start<C extends object, R extends { type: string }>(file: string, env: NodeJS.ProcessEnv = {}): Child<C, R> {
  const child: ChildProcess = fork(join(import.meta.dirname, '..', file), {
    execArgv: ['--expose-gc'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const exited = new Promise<never>((_, reject) => child.once('exit', (code, signal) => reject(new Error(`${file} ended (${code ?? signal})`))));
  exited.catch(() => undefined);

  const next = <T extends R['type']>(type: T): Promise<Extract<R, { type: T }>> =>
    Promise.race([
      exited,
      new Promise<Extract<R, { type: T }>>((resolve) => {
        const listen = (message: unknown): void => {
          // The child sends nothing else; see `messages.ts`.
          const reply = message as R;
          if (reply.type !== type) return;
          child.off('message', listen);
          resolve(reply as Extract<R, { type: T }>);
        };
        child.on('message', listen);
      }),
    ]);

  return {
    next,
    ask(command, type) {
      const answer = next(type);
      child.send(command);
      return answer;
    },
    async stop() {
      child.kill('SIGKILL');
      await exited.catch(() => undefined);
    },
  };
}

export interface Server {
  port: number;
  publish(updates: number, bytes: number): Promise<number>;
  publishAt(rate: number, milliseconds: number, bytes: number): Promise<number>;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

export async function startServer(system: string, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const child = start<ServerCommand, ServerReply>(`systems/${system}.ts`, env);
  const { port } = await child.next('ready');
  return {
    port,
    publish: async (updates, bytes) => (await child.ask({ type: 'publish', updates, bytes }, 'done')).published,
    publishAt: async (rate, milliseconds, bytes) => (await child.ask({ type: 'publish-at', rate, milliseconds, bytes }, 'done')).published,
    usage: async () => (await child.ask({ type: 'usage' }, 'usage')).usage,
    stop: () => child.stop(),
  };
}

export type Load = Child<LoadCommand, LoadReply>;

export function startLoad(): Load {
  return start<LoadCommand, LoadReply>('harness/load.ts');
}
