// Checks the types of every part; of the benchmarks where their own packages are installed (`npm ci --prefix
// test/bench`), as CI does.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const parts = [
  '.',
  'client-sdk',
  'demo',
  'test/sdk',
  'test/sdk/typed-sections',
  'test/sdk/strict-sections',
  'test/faults',
  'test/e2e',
];
if (existsSync(join(root, 'test', 'bench', 'node_modules'))) parts.push('test/bench');
else
  process.stderr.write(
    'The types of test/bench are not checked: its packages are not installed (npm ci --prefix test/bench).\n',
  );

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
for (const part of parts) {
  const { status } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', part], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
