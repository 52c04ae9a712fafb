import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ArchiveError, toArchiveError } from '../errors.ts';

/** Holds a data folder until it is released or the process ends, in whatever way. */
export interface DataFolderLock {
  /**
   * Throws where the folder is no longer the one that was locked: it was removed or moved, and its name may be
   * another's by now.
   */
  assertHeld(): void;
  release(): Promise<void>;
}

/** What a lock's socket says to whoever connects. */
interface Holder {
  /** `undefined` where it did not say in time: it lives, but its event loop is busy. */
  pid: number | undefined;
  /** Whether it owns the folder; else it is another starter that is still looking round. */
  owns: boolean;
}

/** The longest path of a Unix socket: 104 bytes on macOS, 108 on Linux, the closing zero included. */
const LONGEST_SOCKET_PATH = 103;

/** How long a holder may take to answer, in milliseconds. */
const ANSWER_TIMEOUT = 1_000;

/** How often starters that met give way to each other before they give up. */
const ROUNDS = 20;

const LOCK_NAME = /^lock-[\w-]{8}\.sock$/;

/**
 * Takes a data folder for this process. A listening socket is the lock: the system closes it with its process, also
 * after `kill -9`, and it works between containers that share the folder, where a pid would name another process.
 *
 * Every starter listens on a socket of its own, whose name was never used before, and only then looks for others. Of
 * two starters the one that looks last therefore sees the other, and whoever sees another gives way: to an owner for
 * good, to another starter for a moment. A name is shown only once it listens, so that one which refuses is dead for
 * ever, and removing it can never hit a living lock, as it could if all starters shared one name.
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

/**
 * Not by `mkdir`'s own recursion, which never ends where a folder is there and the system makes none in it, as in
 * `/proc`.
 */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (parent === folder || (await isFolder(folder))) return;
  await makeFolder(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another starter may have been faster.
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
  for (let round = 1; ; round += 1) {
    const starter = await listenIn(folder);
    const other = await findOther(folder, starter.name).catch(async (error: unknown) => {
      await starter.release();
      throw error;
    });
    if (!other) {
      starter.own();
      return starter;
    }
    await starter.release();
    if (other.owns || round === ROUNDS) throw inUse(folder, other.pid);
    await pause(Math.random() * 20 * round);
  }
}

/**
 * Listens under a hidden name, then shows it: between the two calls of the system a socket refuses, and would look
 * dead.
 */
async function listenIn(folder: string): Promise<DataFolderLock & { name: string; own(): void }> {
  const token = randomBytes(6).toString('base64url');
  const name = `lock-${token}.sock`;
  const hidden = join(folder, `new-${token}.sock`);
  const holder: Holder = { pid: process.pid, owns: false };
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

/** Another living holder, an owner before a starter; what is dead is removed on the way. */
async function findOther(folder: string, ownName: string): Promise<Holder | undefined> {
  let starter: Holder | undefined;
  for (const name of await readdir(folder)) {
    if (!LOCK_NAME.test(name) || name === ownName) continue;
    const holder = await ask(socketPath(join(folder, name)));
    if (holder?.owns) return holder;
    if (holder) starter = holder;
    else await rm(join(folder, name), { force: true });
  }
  return starter;
}

/** On Windows a pipe has no file, and its name can be taken once only. */
async function lockByPipe(folder: string): Promise<DataFolderLock> {
  const name = createHash('sha256').update(folder.toLowerCase()).digest('hex').slice(0, 32);
  const path = `\\\\.\\pipe\\campaign-state-${name}`;
  try {
    const server = await listen(path, { pid: process.pid, owns: true });
    // The system lets nobody remove a folder whose files are open.
    return { assertHeld: () => undefined, release: () => close(server) };
  } catch (error) {
    if (toArchiveError(error).code === 'EADDRINUSE') throw inUse(folder, (await ask(path))?.pid);
    throw error;
  }
}

/** A path that the system takes for a socket: as it is, or from the working directory, whichever is shorter. */
function socketPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  const shortest = Buffer.byteLength(fromHere) < Buffer.byteLength(path) ? fromHere : path;
  const bytes = Buffer.byteLength(shortest);
  if (bytes <= LONGEST_SOCKET_PATH) return shortest;
  throw new ArchiveError(
    'failed',
    `The data folder's path is too long for its lock (${shortest}: ${bytes} bytes, at most ${LONGEST_SOCKET_PATH}); start closer to it, or choose a shorter one.`,
  );
}

function listen(path: string, holder: Holder): Promise<Server> {
  return new Promise((opened, failed) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`${holder.pid} ${holder.owns ? 'owns' : 'starts'}\n`, () => socket.destroy());
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

/** Who listens there; `undefined` where nobody does. */
function ask(path: string): Promise<Holder | undefined> {
  return new Promise((answer) => {
    let text = '';
    const socket = connect(path);
    socket.setEncoding('utf8').setTimeout(ANSWER_TIMEOUT);
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', (error) => {
      const { code } = toArchiveError(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') answer(undefined);
    });
    socket.on('close', () => {
      const [, pid, word] = /^(\d+) (\w+)\n$/.exec(text) ?? [];
      answer({ pid: pid === undefined ? undefined : Number(pid), owns: word !== 'starts' });
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
