import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ArchiveError, toArchiveError } from '../errors.ts';

/** The lock of a data folder: held until it is released or the process ends, in whatever way. */
export interface DataFolderLock {
  /**
   * Asserts that the folder is still the one that was locked.
   *
   * @throws ArchiveError `unreachable` where it was removed or moved: another folder may have its name by now
   */
  assertHeld(): void;
  release(): Promise<void>;
}

/** The process behind a lock's socket, as it answers whoever connects. */
interface LockHolder {
  /** `undefined` where it did not answer in time: it lives, but its event loop is busy. */
  pid: number | undefined;
  /** Whether it owns the folder; otherwise it is another contender, which still looks for others. */
  owns: boolean;
}

/** The longest path of a Unix socket, in bytes: 104 on macOS, 108 on Linux, the terminating zero included. */
const MAX_SOCKET_PATH_BYTES = 103;

/** How long a holder may take to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 1_000;

/** How often contenders that met give way to each other before they give up. */
const MAX_ATTEMPTS = 20;

const LOCK_NAME = /^lock-[\w-]{8}\.sock$/;

/**
 * Mutual exclusion by listening sockets: locks a data folder for this process.
 *
 * A socket is the lock because the system closes it with its process, also after `kill -9`, and because it works
 * between containers that share the folder. Each contender listens on a socket of its own, under a name that was never
 * used before, and only then looks for others. Whoever finds another gives way: to an owner for good, to another
 * contender for a random moment.
 *
 * Invariant: at most one owner. Of two contenders, the one that looks last finds the other. A name appears only once
 * its socket listens, so that one which refuses connections is dead for ever, and removing it never removes a living
 * lock.
 *
 * Kept by hand: file locks of packages (`proper-lockfile`, pid files) name a process that another container does not
 * have, or go stale by time, which a stopped process outlives. Rejected: one name for all contenders, where a dead lock
 * could be removed just as its successor has taken it; and `flock`, which Node does not offer.
 *
 * @throws ArchiveError `in-use`, naming the folder and its owner's process
 */
export async function lockDataFolder(dataFolder: string): Promise<DataFolderLock> {
  const folder = resolve(dataFolder);
  try {
    await makeFolder(folder);
    return process.platform === 'win32' ? await lockByPipe(folder) : await lockBySocket(folder);
  } catch (error) {
    const { kind, message, code } = toArchiveError(error);
    if (kind === 'in-use' || error instanceof ArchiveError) throw error;
    throw new ArchiveError('failed', `The data folder ${folder} cannot be used (${message}).`, { code, cause: error });
  }
}

/** Makes the folder. Not by `mkdir`'s own recursion, which never ends in a folder such as `/proc`. */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (parent === folder || (await isFolder(folder))) return;
  await makeFolder(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another contender may have been faster.
    if (!(await isFolder(folder))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function lockBySocket(folder: string): Promise<DataFolderLock> {
  for (let attempt = 1; ; attempt += 1) {
    const contender = await listenIn(folder);
    const other = await findOther(folder, contender.name).catch(async (error: unknown) => {
      await contender.release();
      throw error;
    });
    if (!other) {
      contender.own();
      return contender;
    }
    await contender.release();
    if (other.owns || attempt === MAX_ATTEMPTS) throw inUse(folder, other.pid);
    await pause(Math.random() * 20 * attempt);
  }
}

/**
 * Listens under a hidden name, then renames the socket: between the system's `bind` and `listen` it refuses
 * connections, and would look dead.
 */
async function listenIn(folder: string): Promise<DataFolderLock & { name: string; own(): void }> {
  const token = randomBytes(6).toString('base64url');
  const name = `lock-${token}.sock`;
  const hidden = join(folder, `new-${token}.sock`);
  const holder: LockHolder = { pid: process.pid, owns: false };
  const server = await listen(socketPath(hidden), holder);
  await rename(hidden, join(folder, name));
  return {
    name,
    own: () => {
      holder.owns = true;
    },
    assertHeld() {
      if (existsSync(join(folder, name))) return;
      const message = `The data folder ${folder} was removed or moved while it was in use: what is written now would be lost; put it back.`;
      throw new ArchiveError('unreachable', message);
    },
    release: async () => {
      await close(server);
      await rm(join(folder, name), { force: true });
    },
  };
}

/** Finds another living holder, an owner before a contender, and removes dead sockets on the way. */
async function findOther(folder: string, ownName: string): Promise<LockHolder | undefined> {
  let contender: LockHolder | undefined;
  for (const name of await readdir(folder)) {
    if (!LOCK_NAME.test(name) || name === ownName) continue;
    const holder = await ask(socketPath(join(folder, name)));
    if (holder?.owns) return holder;
    if (holder) contender = holder;
    else await rm(join(folder, name), { force: true });
  }
  return contender;
}

/** Locks by a named pipe: on Windows it has no file, and only one process can create it. */
async function lockByPipe(folder: string): Promise<DataFolderLock> {
  const name = createHash('sha256').update(folder.toLowerCase()).digest('hex').slice(0, 32);
  const path = `\\\\.\\pipe\\campaign-state-${name}`;
  try {
    const server = await listen(path, { pid: process.pid, owns: true });
    // Windows lets nobody remove a folder whose files are open.
    return { assertHeld: () => undefined, release: () => close(server) };
  } catch (error) {
    if (toArchiveError(error).code === 'EADDRINUSE') throw inUse(folder, (await ask(path))?.pid);
    throw error;
  }
}

/** The path of a socket, absolute or from the working directory, whichever is shorter: the system limits its length. */
function socketPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  const shortest = Buffer.byteLength(fromHere) < Buffer.byteLength(path) ? fromHere : path;
  const bytes = Buffer.byteLength(shortest);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return shortest;
  throw new ArchiveError(
    'failed',
    `The data folder's path is too long for its lock (${shortest}: ${bytes} bytes, at most ${MAX_SOCKET_PATH_BYTES}); start closer to it, or choose a shorter one.`,
  );
}

function listen(path: string, holder: LockHolder): Promise<Server> {
  return new Promise((opened, failed) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`${holder.pid} ${holder.owns ? 'owns' : 'contends'}\n`, () => socket.destroy());
    });
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      server.unref();
      opened(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
  });
}

/** Asks the process that listens there who it is; `undefined` where none does. */
function ask(path: string): Promise<LockHolder | undefined> {
  return new Promise((answer) => {
    let text = '';
    const socket = connect(path);
    socket.setEncoding('utf8').setTimeout(ANSWER_TIMEOUT_MS);
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', (error) => {
      const { code } = toArchiveError(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') answer(undefined);
    });
    socket.on('close', () => {
      const [, pid, word] = /^(\d+) (\w+)\n$/.exec(text) ?? [];
      answer({ pid: pid === undefined ? undefined : Number(pid), owns: word !== 'contends' });
    });
  });
}

function inUse(folder: string, pid: number | undefined): ArchiveError {
  const owner = pid === undefined ? 'another process' : `process ${pid}`;
  return new ArchiveError(
    'in-use',
    `The data folder ${folder} is in use by ${owner}; stop that one, or give this one another DATA_DIR.`,
  );
}
