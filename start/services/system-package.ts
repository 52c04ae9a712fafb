import { spawnSync } from 'node:child_process';

export interface SystemPackage<T> {
  /** The name of Debian's package. */
  readonly name: string;
  /** Why it is installed, for stderr. */
  readonly why: string;
  /** Finds the program of it. */
  readonly find: () => T | undefined;
}

/** Held by the one process that installs; root's own folder, so that nobody else can put a file there. */
const LOCK = '/var/cache/apt/campaign-state.lock';
const TIMEOUT_MS = 15 * 60_000;

/**
 * One at a time, as apt-get fails at once where another one runs: ours wait for each other, and those of the system are
 * waited for. Whoever has waited may find it done.
 */
const INSTALL = `
[ "$(dpkg-query -W -f '\${Status}' "$1" 2>/dev/null)" = 'install ok installed' ] && exit 0
while ! said=$(apt-get update -qq 2>&1); do
  case $said in
    *'Could not get lock'*) sleep 2 ;;
    *) echo "$said" >&2; break ;;
  esac
done
exec apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$1"
`;

/**
 * Finds a program of the system. Where there is none and this process is root on Debian, its package is installed
 * first, and stderr says so.
 *
 * @returns `undefined` where there is none and none can be installed; why not stands on stderr
 */
export function findOrInstall<T>({ name, why, find }: SystemPackage<T>): T | undefined {
  const found = find();
  if (found !== undefined || !canInstall()) return found;
  process.stderr.write(`${why}: installing it with \`apt-get install ${name}\` (once) …\n`);
  spawnSync('flock', [LOCK, 'sh', '-c', INSTALL, 'sh', name], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: TIMEOUT_MS,
  });
  return find();
}

/** Whether a command is there: all that are asked for know `--version`. */
export function runs(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

const canInstall = (): boolean =>
  process.platform === 'linux' && process.getuid?.() === 0 && runs('apt-get') && runs('flock');
