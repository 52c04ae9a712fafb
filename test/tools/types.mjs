// Checks the types of every part; of the benchmarks where their own packages are installed (`npm ci --prefix
// test/bench`), as CI does. What was checked before and has not changed since is not checked again.
//
//   node test/tools/types.mjs            all of them
//   node test/tools/types.mjs . demo     these
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const named = process.argv.slice(2);
const all = [
  '.',
  'client-sdk',
  'demo',
  'test/sdk',
  'test/sdk/typed-sections',
  'test/sdk/strict-sections',
  'test/faults',
  'test/e2e',
];
if (existsSync(join(root, 'test', 'bench', 'node_modules'))) all.push('test/bench');
else if (named.length === 0)
  process.stderr.write(
    'The types of test/bench are not checked: its packages are not installed (npm ci --prefix test/bench).\n',
  );

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
for (const part of named.length > 0 ? named : all) {
  const known = join(root, 'node_modules', '.cache', 'types', `${part.replaceAll('/', '-')}.tsbuildinfo`);
  const args = [tsc, '--noEmit', '--incremental', '--tsBuildInfoFile', known, '-p', part];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
