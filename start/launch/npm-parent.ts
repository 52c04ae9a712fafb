import { readFileSync } from 'node:fs';

/** The interval between two checks, in milliseconds. */
const CHECK_INTERVAL_MS = 500;

/**
 * Watches the npm that runs this script. A signal to npm alone, as a supervisor sends it, ends npm and the shell
 * between the two, and reaches this process by no other way than that its parent is another one afterwards. A script
 * that was started without npm may outlive its parent, as `nohup` wants it.
 *
 * @param onGone called once npm or the shell has ended
 */
export function watchNpm(env: Readonly<Record<string, string | undefined>>, onGone: () => void): void {
  if (env['npm_lifecycle_event'] === undefined) return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && parentOf(shell) === npm) return;
    clearInterval(timer);
    onGone();
  }, CHECK_INTERVAL_MS);
  timer.unref();
}

/** The parent of a process; `undefined` where the system does not tell, so that only our own parent is watched. */
function parentOf(pid: number): string | undefined {
  try {
    // The fields behind the command, which is in parentheses and may hold any character: state, parent, …
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1];
  } catch {
    return undefined;
  }
}
