// Asks the registry about known vulnerabilities of what is shipped; fails at `high` and above. A registry that has no
// audit endpoint (mirrors often have none) is said, and is no failure.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const { status, stdout, stderr } = spawnSync('npm', ['audit', '--omit', 'dev', '--audit-level', 'high'], {
  cwd: root,
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
if (/audit endpoint returned an error|ENOTFOUND|ECONNREFUSED/.test(stderr)) {
  process.stderr.write('npm audit: this registry does not answer it; nothing was checked.\n');
} else {
  process.stdout.write(stdout);
  process.exitCode = status ?? 1;
}
