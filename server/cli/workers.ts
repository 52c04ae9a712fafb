import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { backoffDelay } from '../core/backoff.ts';
import { NODE_FLAGS } from './node-flags.ts';
import { createMetricsExchange, type MetricsExchange } from './worker-metrics.ts';
import { tell } from './tell-worker.ts';

/** The variable by which a worker knows what it is; set by the primary, not by whoever starts the server. */
const WORKER_VARIABLE = 'CAMPAIGN_WORKER_OF';

/** What a worker is told at its start. */
export interface WorkerTask {
  /** The path of the primary's socket. */
  readonly socket: string;
  readonly key: string;
  readonly number: number;
  readonly workers: number;
}

/** The workers of a primary: processes that share its port, each a relay of it. */
export interface Workers {
  /** Of the socket that the primary has to listen on, and what workers show it. */
  readonly socket: string;
  readonly key: string;
  readonly metrics: MetricsExchange;
  /**
   * Starts them.
   *
   * @returns the port, once all of them accept connections
   * @throws Error where one ends before that, which has said why
   */
  start(): Promise<number>;
  /** Has all of them tell their clients to connect again, and end. */
  stop(): Promise<void>;
}

/** A worker that has accepted connections for so long was no failed start, in milliseconds. */
const STARTED_MS = 10_000;
const RESTART = { floor: 50, base: 100, cap: 5_000 };
/** How long workers may take to end, in milliseconds; what is left then is killed. */
const STOP_TIMEOUT_MS = 3_000;
/** What tells a worker to end. */
export const STOP_MESSAGE = 'campaign-state: stop';

/** The task of this process; `undefined` where it is no worker. */
export function workerTask(): WorkerTask | undefined {
  const text = process.env[WORKER_VARIABLE];
  // Set by `createWorkers` below, and by nobody else: a worker is a process of `node:cluster`.
  return cluster.isWorker && text !== undefined ? (JSON.parse(text) as WorkerTask) : undefined;
}

/**
 * Prepares the workers of this process: they run the same command, share its port (`node:cluster` hands connections out
 * in turn), and are relays of it over a socket in a folder that this user alone may enter. One that ends is started
 * again; its clients connect to another, or to it, and resume by their positions.
 */
export async function createWorkers(count: number, logger: Logger): Promise<Workers> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-'));
  const socket = join(folder, 'primary.sock');
  const key = randomBytes(32).toString('base64url');
  const metrics = createMetricsExchange();
  const started = Promise.withResolvers<number>();
  const listening = new Set<number>();
  const running = new Map<number, Worker>();
  let isReady = false;
  let stopping = false;
  // Those that the command was started with come last, and win.
  cluster.setupPrimary({ execArgv: [...NODE_FLAGS, ...process.execArgv] });

  const again = (number: number, attempt: number): void => {
    const timer = setTimeout(() => !stopping && fork(number, attempt), backoffDelay(attempt, Math.random(), RESTART));
    timer.unref();
  };

  const fork = (number: number, attempt: number): void => {
    const task: WorkerTask = { socket, key, number, workers: count };
    let worker: Worker;
    try {
      worker = cluster.fork({ [WORKER_VARIABLE]: JSON.stringify(task) });
    } catch (error) {
      return onNotForked(number, attempt, error);
    }
    const since = performance.now();
    running.set(number, worker);
    // Without a listener it would end this process, and with it all of them.
    worker.on('error', (error) => {
      if (worker.process.pid !== undefined || running.get(number) !== worker) return;
      // The system has no process or file left for it; there will be no `exit`.
      running.delete(number);
      metrics.remove(worker);
      onNotForked(number, attempt, error);
    });
    metrics.add(worker, number);
    worker.once('listening', ({ port }) => {
      listening.add(number);
      if (listening.size < count) return;
      isReady = true;
      started.resolve(port);
    });
    worker.once('exit', (code, signal) => {
      if (running.get(number) !== worker) return;
      running.delete(number);
      metrics.remove(worker);
      if (stopping) return;
      if (!isReady) {
        started.reject(new Error(`A worker ended at its start, with ${signal || code}.`));
        return;
      }
      logger.error({ worker: number, code, signal }, 'a worker has ended; it is started again');
      again(number, performance.now() - since > STARTED_MS ? 0 : attempt + 1);
    });
  };

  const onNotForked = (number: number, attempt: number, error: unknown): void => {
    if (stopping) return;
    if (!isReady) return started.reject(new Error('A worker could not be started.', { cause: error }));
    logger.error({ worker: number, err: error }, 'a worker could not be started; it is tried again');
    again(number, attempt + 1);
  };

  return {
    socket,
    key,
    metrics,

    start() {
      for (let number = 1; number <= count; number += 1) fork(number, 0);
      return started.promise;
    },

    async stop() {
      stopping = true;
      const ended = [...running.values()].map(
        (worker) =>
          new Promise<void>((resolve) => {
            // One that could not be started has no process, and ends without `exit`.
            const timer = setTimeout(() => worker.process.kill('SIGKILL') || resolve(), STOP_TIMEOUT_MS);
            worker.once('exit', () => {
              clearTimeout(timer);
              resolve();
            });
            tell(worker, STOP_MESSAGE);
          }),
      );
      await Promise.all(ended);
      metrics.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
