// Formats the tree (`--write`), or names what is not formatted (`--check`), and comments that are too wide.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const WIDTH = 120;
const root = join(import.meta.dirname, '..', '..');
const mode = process.argv[2] === '--write' ? '--write' : '--check';
const oxfmt = join(import.meta.dirname, 'node_modules', '.bin', 'oxfmt');
const { status } = spawnSync(oxfmt, [mode, '.'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// The formatter does not break comments.
const { stdout } = spawnSync('git', ['ls-files', '-z', '*.ts', '*.tsx', '*.mts', '*.mjs'], {
  cwd: root,
  encoding: 'utf8',
});
const wide = [];
for (const file of stdout.split('\0').filter(Boolean)) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.length > WIDTH && /^\s*(\/\/|\/?\*)/.test(line) && !/https?:\/\//.test(line))
      wide.push(`${file}:${index + 1}`);
  }
}
if (wide.length > 0) {
  process.stderr.write(`Comments wider than ${WIDTH} columns:\n${wide.map((place) => `  ${place}\n`).join('')}`);
  process.exit(1);
}
