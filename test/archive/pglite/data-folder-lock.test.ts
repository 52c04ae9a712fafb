import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataFolder } from '../../../server/archive/pglite/data-folder-lock.ts';
import { startChild, type Child } from '../child-process.ts';

let root = '';
const children: Child[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cs-lock-'));
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill('SIGKILL')));
  await rm(root, { recursive: true, force: true });
});

function start(folder: string, cwd?: string): Child {
  const child = startChild('lock-folder.ts', [folder], cwd);
  children.push(child);
  return child;
}

test('A30 a data folder belongs to one process; another one is refused in a sentence that names folder and process', async () => {
  const folder = join(root, 'made', 'on demand');
  const owner = start(folder);
  await owner.line(/^locked$/);
  await expect(lockDataFolder(folder)).rejects.toMatchObject({
    name: 'ArchiveError',
    kind: 'in-use',
    message: `The data folder ${folder} is in use by process ${owner.pid}; stop that one, or give this one another DATA_DIR.`,
  });
  const other = start(folder);
  expect(await other.line(/^refused/)).toContain(`is in use by process ${owner.pid};`);
});

test('A31 a folder that was released, or whose owner was killed, can be locked, and nothing of the old lock remains', async () => {
  const first = await lockDataFolder(root);
  await first.release();
  expect(await readdir(root)).toEqual([]);
  const killed = start(root);
  await killed.line(/^locked$/);
  await killed.kill('SIGKILL');
  const stale = await readdir(root);
  expect(stale).toHaveLength(1);
  const second = await lockDataFolder(root);
  expect(await readdir(root)).toEqual([expect.not.stringContaining(stale[0] ?? '')]);
  await expect(lockDataFolder(root)).rejects.toMatchObject({ kind: 'in-use' });
  await second.release();
});

test('A32 of many processes that start at once on a stale folder exactly one gets the lock', async () => {
  for (let round = 0; round < 3; round += 1) {
    const folder = join(root, `round-${round}`);
    const killed = start(folder);
    await killed.line(/^locked$/);
    await killed.kill('SIGKILL');
    const starters = Array.from({ length: 6 }, () => start(folder));
    const answers = await Promise.all(starters.map((starter) => starter.line(/^(locked|refused)/)));
    expect(answers.filter((answer) => answer === 'locked')).toHaveLength(1);
    expect(answers.filter((answer) => answer.includes('is in use by'))).toHaveLength(5);
  }
});

test('A33 of many attempts at once within one process exactly one gets the lock', async () => {
  for (let round = 0; round < 10; round += 1) {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lockDataFolder(root)));
    const locks = results.filter((result) => result.status === 'fulfilled');
    expect(locks).toHaveLength(1);
    await locks[0]?.value.release();
  }
});

test('A34 a path too long for a socket works from a nearby working directory, and is refused in one sentence otherwise', async () => {
  const far = join(root, 'd'.repeat(60), 'e'.repeat(60));
  await mkdir(far, { recursive: true });
  await expect(lockDataFolder(far)).rejects.toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('path is too long for its lock'),
  });
  expect(await readdir(far)).toEqual([]);
  const near = start(join(far, 'data'), far);
  await near.line(/^locked$/);
});

test('A35 a folder that cannot be used is refused in one sentence that names it', async () => {
  const file = join(root, 'file');
  await writeFile(file, '');
  await expect(lockDataFolder(file)).rejects.toMatchObject({
    kind: 'failed',
    message: expect.stringMatching(`^The data folder ${file} cannot be used \\(.*EEXIST.*\\)\\.$`),
  });
});

test.runIf(process.platform === 'linux')(
  'A35 so is one where the system makes no folders: nothing waits for ever',
  async () => {
    for (const folder of ['/proc/nope', '/proc/nope/deeper', '/sys/nope', '/proc', '/dev/null/data']) {
      expect(await start(folder).line(/^refused/)).toMatch(
        new RegExp(`The data folder ${folder} cannot be used \\([^\n]+\\)\\.$`),
      );
    }
  },
);

test.runIf(process.platform === 'linux' && process.getuid?.() !== 0)(
  'A35 and one that may not be written',
  async () => {
    await chmod(root, 0o500);
    for (const folder of [root, join(root, 'below')]) {
      await expect(lockDataFolder(folder)).rejects.toMatchObject({
        kind: 'failed',
        message: expect.stringContaining('EACCES'),
      });
    }
  },
);
