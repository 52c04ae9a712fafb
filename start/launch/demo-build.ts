import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, type Children } from './children.ts';

/** The file of Vite's command. */
export const VITE = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');

/** The files and folders that the demo is built from. */
const SOURCES = [
  'demo/src',
  'demo/public',
  'demo/index.html',
  'demo/audience.html',
  'demo/404.html',
  'demo/vite.config.ts',
  'client-sdk/src',
  'server/core',
];

/**
 * Builds the demo where it is missing or older than its sources. A failure is printed, and the server starts without.
 */
export async function buildDemoIfDue(children: Children): Promise<void> {
  if (!isDue()) return;
  process.stdout.write('Building the demo …\n');
  let output = '';
  const code = await new Promise<number | null>((resolve) => {
    const child = children.run(
      [VITE, 'build', '--logLevel', 'warn'],
      { cwd: join(ROOT, 'demo'), stdio: ['ignore', 'pipe', 'pipe'] },
      resolve,
    );
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  });
  if (code !== 0 && !children.stopping)
    process.stderr.write(`${output}\nThe demo could not be built; the server starts without it.\n`);
}

function isDue(): boolean {
  const built = join(ROOT, 'demo', 'dist', 'index.html');
  if (!existsSync(built)) return true;
  return Math.max(...SOURCES.map((source) => newestChange(join(ROOT, source)))) > statSync(built).mtimeMs;
}

function newestChange(path: string): number {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
