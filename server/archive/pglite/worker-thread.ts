import { Worker } from 'node:worker_threads';
import type { Archive } from '../../engine/ports.ts';
import { ArchiveError } from '../errors.ts';
import { unpackError, type ArchiveMethod, type Reply, type Request, type WorkerOptions } from './worker-messages.ts';

export interface ArchiveThread {
  /** Resolves when the archive is open, rejects where it cannot be. */
  opened: Promise<void>;
  /** Resolves when the thread has ended, in whatever way, with what every call is rejected with from then on. */
  ended: Promise<ArchiveError>;
  /** Calls a method of the archive there; `commit` takes its parts packed. */
  call: <M extends ArchiveMethod>(method: M, args: unknown[]) => ReturnType<Archive[M]>;
  /** Ends the thread at once. */
  end: () => Promise<void>;
}

/**
 * A thread that owes answers and gives none for so long, in milliseconds, is stuck: a database that panics can hold it
 * for ever.
 */
const SILENCE_MS = 30_000;

/**
 * Starts the worker and gives each answer to the call that waits for it. When the thread ends, in whatever way,
 * everything that waits is rejected, and so is every later call: the outcome of a commit is then unknown, as after any
 * broken connection.
 *
 * @param silence after how many milliseconds without an answer that is owed the thread is ended
 */
export function startThread(file: URL, options: WorkerOptions, silence = SILENCE_MS): ArchiveThread {
  const worker = new Worker(file, { workerData: options, name: 'campaign-state archive' });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: ArchiveError) => void }>();
  const { promise: ended, resolve: tellEnd } = Promise.withResolvers<ArchiveError>();
  let end: ArchiveError | undefined;
  let patience: NodeJS.Timeout | undefined;
  let lastId = 0;

  const fail = (error: ArchiveError): void => {
    if (end) return;
    end = error;
    clearTimeout(patience);
    for (const caller of waiting.values()) caller.reject(error);
    waiting.clear();
    tellEnd(error);
  };

  const giveUp = (): void => {
    fail(new ArchiveError('unreachable', `The embedded database has not answered for ${silence / 1_000} s.`));
    void worker.terminate();
  };

  const wait = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // The thread keeps the process alive only while somebody waits for it.
      if (waiting.size === 0) worker.ref();
      waiting.set(id, { resolve, reject });
    });

  const settle = (reply: Reply): void => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size > 0) {
      patience?.refresh();
    } else {
      clearTimeout(patience);
      patience = undefined;
      worker.unref();
    }
    if (reply.ok) caller?.resolve(reply.value);
    else caller?.reject(unpackError(reply.error));
  };

  worker.on('message', settle);
  worker.on('error', (error) =>
    fail(new ArchiveError('unreachable', `The embedded database has broken down: ${error.message}`, { cause: error })),
  );
  worker.on('exit', (code) =>
    fail(new ArchiveError('unreachable', `The thread of the embedded database has ended with ${code}.`)),
  );

  const call = (method: ArchiveMethod, args: unknown[]): Promise<unknown> => {
    if (end) return Promise.reject(end);
    const request: Request = { id: (lastId += 1), method, args };
    const answer = wait(request.id);
    worker.postMessage(request);
    // Opening takes as long as it takes; from then on somebody who waits is owed an answer.
    patience ??= setTimeout(giveUp, silence);
    return answer;
  };

  return {
    opened: wait(0).then(() => undefined),
    ended,
    // The worker answers with what that method of its archive returned.
    call: call as ArchiveThread['call'],
    async end() {
      fail(new ArchiveError('stopped', 'The archive has been stopped.'));
      await worker.terminate();
    },
  };
}
