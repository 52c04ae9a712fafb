import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server of the next version, beside this one. */
export interface NextVersion {
  /** What Node runs. */
  readonly main: string;
  remove(): Promise<void>;
}

/** The format, the type and the member that only the next version knows. */
export const NEXT = { format: 2, type: 'edit', member: 'reviewedBy' } as const;

/**
 * What a next version may change in what it writes, done to a copy of this one: another format, a type of entry that
 * this version has never heard of, a further member in each record.
 */
const CHANGES: readonly [file: string, from: string, to: string][] = [
  ['server/core/stream/entry.ts', 'export const ENTRY_FORMAT = 1;', `export const ENTRY_FORMAT = ${NEXT.format};`],
  [
    'server/core/stream/entry.ts',
    "export type EntryType = Command['type'];",
    `export type EntryType = Command['type'] | '${NEXT.type}';`,
  ],
  [
    'server/core/commands/decide-group.ts',
    '    type: command.type,\n    change,',
    `    type: command.type === 'update' ? '${NEXT.type}' : command.type,\n    ...{ ${NEXT.member}: { nobody: [1, 'é', null] } },\n    change,`,
  ],
];

export async function makeNextVersion(): Promise<NextVersion> {
  const root = join(import.meta.dirname, '..', '..');
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-next-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const isSource = (path: string): boolean => !path.includes('node_modules') && !path.endsWith('/dist');
    for (const part of ['server', 'start'])
      await cp(join(root, part), join(folder, part), { recursive: true, filter: isSource });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const [file, from, to] of CHANGES) {
      const path = join(folder, file);
      const source = await readFile(path, 'utf8');
      if (source.split(from).length !== 2)
        throw new Error(`${file} no longer has the place that the next version changes: ${from}`);
      await writeFile(path, source.replace(from, to));
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { main: join(folder, 'start', 'main.ts'), remove };
}
