import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The paths of Postgres' binaries. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The folder that they come from, for the log. */
  readonly source: string;
}

/** The user that the server runs as; empty: the user of this process. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

/** Folders with a subfolder for each major version: Debian's, and Homebrew's. */
const INSTALL_FOLDERS = [
  { root: '/usr/lib/postgresql', version: /^(\d+)$/ },
  { root: '/opt/homebrew/opt', version: /^postgresql@(\d+)$/ },
  { root: '/usr/local/opt', version: /^postgresql@(\d+)$/ },
];

/** The binaries of the system's packages, the newest version first. */
export function installedBinaries(): Binaries[] {
  return INSTALL_FOLDERS.flatMap(({ root, version }) => {
    const names = existsSync(root) ? readdirSync(root).filter((name) => version.test(name)) : [];
    const newestFirst = names.sort((a, b) => Number(version.exec(b)?.[1]) - Number(version.exec(a)?.[1]));
    return newestFirst.map((name) => binariesIn(join(root, name, 'bin')));
  });
}

/** The binaries in a `bin` folder. */
export function binariesIn(bin: string): Binaries {
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), source: bin };
}

/** The user for Postgres, which refuses to run as root: then `postgres` or `nobody`, whichever the system has. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const lines = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const line = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  if (!line)
    throw new Error(
      'Postgres does not run as root, and this system has neither a user "postgres" nor a user "nobody" for it.',
    );
  return { uid: Number(line[2]), gid: Number(line[3]) };
}

/**
 * The first binaries that this user can run; they are copied where he cannot reach them.
 *
 * @param folder a folder that the user can reach, for copies
 */
export async function usableBinaries(
  candidates: readonly Binaries[],
  user: ServerUser,
  folder: string,
): Promise<Binaries | undefined> {
  for (const binaries of candidates) {
    if (runs(binaries, user)) return binaries;
    if (!existsSync(binaries.postgres)) continue;
    // They may be below a home that only its owner may enter: the server's user needs a copy.
    const copy = join(folder, 'postgres');
    await cp(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true });
    const copied = { ...binariesIn(join(copy, 'bin')), source: binaries.source };
    if (runs(copied, user)) return copied;
    await rm(copy, { recursive: true, force: true });
  }
  return undefined;
}

function runs({ postgres }: Binaries, user: ServerUser): boolean {
  return spawnSync(postgres, ['--version'], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}
