import { Worker } from 'node:worker_threads';
import type { Archive } from '../engine/ports.ts';
import { ArchiveError } from './errors.ts';
import { unpackError, type ArchiveMethod, type Reply, type Request, type WorkerOptions } from './pglite-messages.ts';

export interface ArchiveThread {
  /** Resolves when the archive is open, rejects where it cannot be. */
  opened: Promise<void>;
  /** Calls a method of the archive there; `commit` takes its parts packed. */
  call: <M extends ArchiveMethod>(method: M, args: unknown[]) => ReturnType<Archive[M]>;
  /** Ends the thread at once. */
  end: () => Promise<void>;
}

/**
 * Starts the worker and gives each answer to the call that waits for it. When the thread ends, in whatever way, everything that waits
 * is rejected, and so is every later call: the outcome of a commit is then unknown, as after any broken connection.
 */
export function startThread(file: URL, options: WorkerOptions): ArchiveThread {
  const worker = new Worker(file, { workerData: options, name: 'campaign-state archive' });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: ArchiveError) => void }>();
  let ended: ArchiveError | undefined;
  let lastId = 0;

  const wait = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // The thread keeps the process alive only while somebody waits for it.
      if (waiting.size === 0) worker.ref();
      waiting.set(id, { resolve, reject });
    });

  const settle = (reply: Reply): void => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if (reply.ok) caller?.resolve(reply.value);
    else caller?.reject(unpackError(reply.error));
  };

  const fail = (error: ArchiveError): void => {
    ended ??= error;
    for (const caller of waiting.values()) caller.reject(ended);
    waiting.clear();
  };

  worker.on('message', settle);
  worker.on('error', (error) => fail(new ArchiveError('stopped', `The archive's thread has failed: ${error.message}`, { cause: error })));
  worker.on('exit', () => fail(new ArchiveError('stopped', 'The archive has been stopped.')));

  const call = (method: ArchiveMethod, args: unknown[]): Promise<unknown> => {
    if (ended) return Promise.reject(ended);
    const request: Request = { id: (lastId += 1), method, args };
    const answer = wait(request.id);
    worker.postMessage(request);
    return answer;
  };

  return {
    opened: wait(0).then(() => undefined),
    // The worker answers with what that method of its archive returned.
    call: call as ArchiveThread['call'],
    end: async () => {
      await worker.terminate();
    },
  };
}
