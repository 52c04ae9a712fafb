import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, run, temporaryFolder } from './support/processes.ts';

/** What only root on Debian can do. */
const CAN_INSTALL = process.getuid?.() === 0 && existsSync('/var/cache/apt') && existsSync('/usr/bin/flock');

/** An apt-get that fails at once where another one runs, as the real one does, and takes its time. */
const APT_GET = `#!/bin/sh
[ "$1" = --version ] && exit 0
cd "$(dirname "$0")"
if ! mkdir running 2>/dev/null; then echo 'E: Could not get lock /var/lib/apt/lists/lock.' >&2; exit 100; fi
sleep 0.5
echo "$*" >> calls
case "$*" in *install*) touch there ;; esac
rmdir running
`;

const DPKG_QUERY = `#!/bin/sh
[ -e "$(dirname "$0")/there" ] && printf 'install ok installed'
`;

const PROGRAM = `
import { existsSync } from 'node:fs';
import { findOrInstall } from ${JSON.stringify(join(ROOT, 'start', 'services', 'system-package.ts'))};
const find = () => (existsSync(process.argv[2]) ? 'found' : undefined);
console.log('it is ' + findOrInstall({ name: 'something', why: 'It is needed', find }));
`;

test.skipIf(!CAN_INSTALL)(
  'F94 a package that several processes need at once is installed once, and all have it',
  async () => {
    const folder = await temporaryFolder();
    for (const [name, text] of [
      ['apt-get', APT_GET],
      ['dpkg-query', DPKG_QUERY],
    ] as const) {
      await writeFile(join(folder, name), text);
      await chmod(join(folder, name), 0o755);
    }
    const program = join(folder, 'program.ts');
    await writeFile(program, PROGRAM);
    const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
    const processes = [1, 2, 3].map(() => run([program, join(folder, 'there')], { PATH }, folder));
    for (const { ended } of processes) expect(await ended).toBe(0);
    for (const { lines } of processes) expect(lines.at(-1)).toBe('it is found');
    const calls = (await readFile(join(folder, 'calls'), 'utf8')).split('\n');
    expect(calls.filter((call) => call.includes('install'))).toHaveLength(1);
  },
);
