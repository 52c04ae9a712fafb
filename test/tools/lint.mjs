// Lints the whole tree; oxlint finds its type-aware part on the PATH only.
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

const binaries = join(import.meta.dirname, 'node_modules', '.bin');
const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` };
const { status } = spawnSync('oxlint', ['--type-aware', '--deny-warnings', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env,
});
process.exit(status ?? 1);
