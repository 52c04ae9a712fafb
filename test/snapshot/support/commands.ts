import { join } from 'node:path';
import { lastWords, ROOT, run } from '../../start/support/processes.ts';

/** Runs a command of the package in that folder; its words are those on stdout and on stderr. */
export function command(
  folder: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | NodeJS.Signals | null; sentence: string }> {
  return lastWords(run([join(ROOT, 'server', 'cli', 'bin.ts'), ...args], env, folder));
}
