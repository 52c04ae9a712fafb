import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const demo = join(import.meta.dirname, '..', '..', '..', 'demo');

/** Builds the demo as it is shipped, so that the tests look at the sources as they are now. */
export function buildDemo(): void {
  const vite = join(dirname(createRequire(join(demo, 'package.json')).resolve('vite/package.json')), 'bin', 'vite.js');
  // A test runner sets NODE_ENV, and React would be built for development.
  const { NODE_ENV: _testing, ...env } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], { cwd: demo, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`The demo could not be built:\n${stderr}`);
}
