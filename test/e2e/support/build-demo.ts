import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const demo = join(import.meta.dirname, '..', '..', '..', 'demo');

/** Builds the demo as it is shipped, so that the tests look at the sources as they are now. */
export async function buildDemo(): Promise<void> {
  const vite = join(dirname(createRequire(join(demo, 'package.json')).resolve('vite/package.json')), 'bin', 'vite.js');
  // A test runner sets NODE_ENV, and React would be built for development.
  const { NODE_ENV: _testing, ...env } = process.env;
  const child = spawn(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: demo,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`The demo could not be built:\n${complaints}`);
}
