import { Worker } from 'node:worker_threads';
import type { KeyedArchive } from '../keyed-archive.ts';
import { ArchiveError } from '../errors.ts';
import { unpackError, type ArchiveMethod, type Reply, type Request, type WorkerOptions } from './worker-messages.ts';

/** The worker's handle: calls of the port as messages to its thread. */
export interface ArchiveThread {
  /** Resolves when the archive is open, rejects where it cannot be opened. */
  readonly opened: Promise<void>;
  /** Resolves when the thread has ended, in whatever way, with the error of every call from then on. */
  readonly ended: Promise<ArchiveError>;
  /** Calls a method of the archive in the thread; `commit` takes its parts packed. */
  call<M extends ArchiveMethod>(method: M, args: unknown[]): ReturnType<KeyedArchive[M]>;
  /** Terminates the thread at once. */
  end(): Promise<void>;
}

/** A thread that owes answers and gives none for so long is stuck: a panicking database can hold it for ever. */
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Starts the worker thread: RPC over its message channel. When the thread ends, in whatever way, every pending and
 * every later call rejects: the outcome of a commit is then unknown, as after any broken connection.
 *
 * Kept by hand: of an RPC package (`comlink`, `tinypool`) these lines would remain, as the timeout, the rejection of
 * pending calls when the thread ends, packed commits and a thread that keeps no idle process alive are all of it.
 *
 * @param answerTimeoutMs after how many milliseconds without an answer that is owed the thread is terminated
 */
export function startThread(file: URL, options: WorkerOptions, answerTimeoutMs = ANSWER_TIMEOUT_MS): ArchiveThread {
  const worker = new Worker(file, { workerData: options, name: 'campaign-state archive' });
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: ArchiveError) => void }>();
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<ArchiveError>();
  let end: ArchiveError | undefined;
  let answerTimeout: NodeJS.Timeout | undefined;
  let lastId = 0;

  const fail = (error: ArchiveError): void => {
    if (end) return;
    end = error;
    clearTimeout(answerTimeout);
    for (const caller of pending.values()) caller.reject(error);
    pending.clear();
    resolveEnded(error);
  };

  const giveUp = (): void => {
    fail(new ArchiveError('unreachable', `The embedded database has not answered for ${answerTimeoutMs / 1_000} s.`));
    void worker.terminate();
  };

  const answerTo = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // The thread keeps the process alive only while a call is pending.
      if (pending.size === 0) worker.ref();
      pending.set(id, { resolve, reject });
    });

  const settle = (reply: Reply): void => {
    const caller = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size > 0) {
      answerTimeout?.refresh();
    } else {
      clearTimeout(answerTimeout);
      answerTimeout = undefined;
      worker.unref();
    }
    if (reply.ok) caller?.resolve(reply.value);
    else caller?.reject(unpackError(reply.error));
  };

  worker.on('message', settle);
  worker.on('error', (error) =>
    fail(new ArchiveError('unreachable', `The embedded database has crashed: ${error.message}`, { cause: error })),
  );
  worker.on('exit', (code) =>
    fail(new ArchiveError('unreachable', `The thread of the embedded database has ended with ${code}.`)),
  );

  const call = (method: ArchiveMethod, args: unknown[]): Promise<unknown> => {
    if (end) return Promise.reject(end);
    const request: Request = { id: (lastId += 1), method, args };
    const answer = answerTo(request.id);
    worker.postMessage(request);
    // Opening has no timeout: a database may have much to recover.
    answerTimeout ??= setTimeout(giveUp, answerTimeoutMs);
    return answer;
  };

  return {
    opened: answerTo(0).then(() => undefined),
    ended,
    // The worker answers with what that method of its archive returned.
    call: call as ArchiveThread['call'],
    async end() {
      fail(new ArchiveError('stopped', 'The archive has been stopped.'));
      await worker.terminate();
    },
  };
}
