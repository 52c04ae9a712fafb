import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A process that makes a database and has not ended after so many milliseconds is given up. */
const DEADLINE_MS = 120_000;

/**
 * Makes the files of a new database where the folder has none. A process of its own does it, because what that takes
 * (a second WASM module, its compiler) is not given back by the process that has taken it: 150 MB of an idle server.
 * The files stand under another name until they are complete, so that a first start that is killed leaves no half-made
 * database behind.
 *
 * Where it cannot be done, nothing is said: whoever opens the folder then makes the files itself, or says what is in
 * the way.
 *
 * @param program the worker's file, which makes a database where it is run as a process
 */
export async function prepareFolder(program: URL, folder: string): Promise<void> {
  const parent = dirname(folder);
  const prefix = `${basename(folder)}-new-`;
  // Whoever wanted them has been killed: the data folder is locked. Their process may write for a moment longer.
  const unfinished = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  await Promise.all(unfinished.map((name) => remove(join(parent, name))));
  if (existsSync(join(folder, 'PG_VERSION'))) return;
  const made = join(parent, `${prefix}${randomBytes(6).toString('hex')}`);
  try {
    await run(program, made);
    await rename(made, folder);
  } catch {
    await remove(made);
  }
}

/** What cannot be removed now is removed at the next start. */
async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

/** @throws where the process cannot be started, or ends otherwise than with 0 */
async function run(program: URL, folder: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Without the flags of this process: a debugger's port is taken.
  const child = fork(fileURLToPath(program), [folder], { execArgv: [], stdio: 'ignore', timeout: DEADLINE_MS });
  child.once('error', reject);
  child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`The process ended with ${code}`))));
  return await promise;
}
