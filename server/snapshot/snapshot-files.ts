import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { mergeChain } from './chain.ts';
import { openChainFile, type ChainHeader } from './chain-file.ts';
import type { FollowedSnapshot } from './lines.ts';
import { SnapshotError } from './snapshot-error.ts';

/*
 * Snapshot files in a folder. Their names say when they were taken and, of an increment, which file it goes on from, so
 * that none has to be read to know what it rests on.
 */

const TIME = String.raw`\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}-\d{3}Z`;
const NAME = new RegExp(`^campaigns-(${TIME})(?:\\.after-(${TIME}))?\\.jsonl\\.gz$`);

/** A file by its name. */
export interface SnapshotFile {
  readonly name: string;
  /** When it was begun, as it stands in the name. */
  readonly time: string;
  /** The time of the file that it goes on from; `undefined` for a whole snapshot. */
  readonly after: string | undefined;
}

/** The name of a file that is begun now. @param after the file that it goes on from, if it is an increment */
export function snapshotName(now: number, after?: SnapshotFile): string {
  const time = new Date(now).toISOString().replaceAll(/[:.]/g, '-');
  return `campaigns-${time}${after ? `.after-${after.time}` : ''}.jsonl.gz`;
}

/** The time in a name, in epoch milliseconds. */
export function timeOf(time: string): number {
  return Date.parse(time.replace(/T(\d{2})-(\d{2})-(\d{2})-(\d{3})Z$/, 'T$1:$2:$3.$4Z'));
}

/** What is in a folder: files, the oldest first, and the names of parts that were left. */
export async function listSnapshots(dir: string): Promise<{ files: SnapshotFile[]; parts: string[] }> {
  const names = (await readdir(dir)).sort();
  return {
    files: names.flatMap((name) => toFile(name) ?? []),
    parts: names.filter((name) => name.endsWith('.part') && toFile(name.slice(0, -'.part'.length))),
  };
}

function toFile(name: string): SnapshotFile | undefined {
  const [, time, after] = NAME.exec(name) ?? [];
  return time === undefined ? undefined : { name, time, after };
}

/** A file, and those that it rests on before it, the whole one first; `undefined` where one is missing. */
export function chainOf(file: SnapshotFile, files: readonly SnapshotFile[]): SnapshotFile[] | undefined {
  const chain = [file];
  for (let first = file; first.after !== undefined;) {
    const before: SnapshotFile | undefined = files.find(({ time }) => time === first.after);
    if (!before || chain.length > files.length) return undefined;
    chain.unshift(before);
    first = before;
  }
  return chain;
}

/** A chain that an increment can be added to. */
export interface GrowingChain {
  readonly last: SnapshotFile;
  readonly follows: FollowedSnapshot;
  /** Paths, the whole one first. */
  readonly paths: readonly string[];
}

/**
 * The newest chain of a folder, if it may have one more increment: it has fewer than so many, and together they are
 * smaller than half of what they rest on.
 */
export async function growingChain(dir: string, maxIncrements: number): Promise<GrowingChain | undefined> {
  const { files } = await listSnapshots(dir);
  const last = files.at(-1);
  const chain = last && chainOf(last, files);
  if (!chain || chain.length > maxIncrements) return undefined;
  const paths = chain.map(({ name }) => join(dir, name));
  const [whole = 0, ...increments] = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  if (increments.reduce((sum, size) => sum + size, 0) > whole / 2) return undefined;
  const { id } = await readHeader(join(dir, last.name));
  return { last, follows: { id, file: last.name }, paths };
}

/** The files that are not needed: beyond the newest so many, and nothing of those rests on them. */
export function prunable(files: readonly SnapshotFile[], keep: number): SnapshotFile[] {
  const needed = new Set<SnapshotFile>();
  for (const file of files.slice(-keep)) for (const part of chainOf(file, files) ?? [file]) needed.add(part);
  return files.filter((file) => !needed.has(file));
}

/** @throws SnapshotError where it is none, or its beginning is damaged */
async function readHeader(path: string): Promise<ChainHeader> {
  const source = createReadStream(path);
  try {
    return (await openChainFile(source)).header;
  } finally {
    source.destroy();
  }
}

/** Files that make up one snapshot, opened. */
export interface OpenFiles {
  readonly sources: readonly AsyncIterable<Uint8Array>[];
  close(): void;
}

export function openFiles(paths: readonly string[], chunkBytes = 64 * 1024): OpenFiles {
  const sources = paths.map((path) => createReadStream(path, { highWaterMark: chunkBytes }));
  return {
    sources,
    close() {
      for (const source of sources) source.destroy();
    },
  };
}

/**
 * The bytes of one whole snapshot: of a file, or of the chain that an increment is the end of. What an increment goes
 * on from is looked for among the paths, then beside it.
 *
 * @param paths in any order
 * @throws SnapshotError where a file is damaged, or one is missing
 */
export async function* readFiles(
  paths: readonly string[],
  chunkBytes?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chain = await arrange(paths);
  const { sources, close } = openFiles(chain, chunkBytes);
  try {
    const [only] = sources;
    yield* only && sources.length === 1 ? only : mergeChain(sources);
  } finally {
    close();
  }
}

/** The paths in the order of the chain, with those that are beside it. */
async function arrange(paths: readonly string[]): Promise<string[]> {
  const [first = ''] = paths;
  // A single whole snapshot is read as it is, also one of an earlier version, or one that has to be refused.
  const headers = new Map<string, ChainHeader>();
  for (const path of paths) {
    const header = await readHeader(path).catch((error: unknown) => {
      if (paths.length === 1 && error instanceof SnapshotError) return undefined;
      throw error;
    });
    if (!header) return [first];
    headers.set(path, header);
  }
  // The end is a file that no other follows on; where one between is not named, so is one that is no end.
  const followed = new Set([...headers.values()].map(({ follows }) => follows?.id));
  let missing: unknown;
  for (const end of [...headers].filter(([, { id }]) => !followed.has(id))) {
    const chain = await chainTo(end, headers).catch((error: unknown): string[] => {
      missing = error;
      return [];
    });
    if (paths.every((path) => chain.includes(path))) return chain;
  }
  throw missing ?? new SnapshotError(`${paths.join(' and ')} are not of one chain`, { offset: 0 });
}

async function chainTo(
  end: readonly [string, ChainHeader],
  headers: ReadonlyMap<string, ChainHeader>,
): Promise<string[]> {
  const chain: string[] = [];
  for (let link: readonly [string, ChainHeader] | undefined = end; link;) {
    const [path, { follows }]: readonly [string, ChainHeader] = link;
    chain.unshift(path);
    if (!follows) break;
    link = [...headers].find(([, { id }]) => id === follows.id) ?? (await beside(path, follows));
  }
  return chain;
}

async function beside(path: string, { id, file }: FollowedSnapshot): Promise<[string, ChainHeader]> {
  // A name, and no way out of the folder.
  const found = join(dirname(path), basename(file));
  const exists = await open(found).then(
    (handle) => handle.close().then(() => true),
    () => false,
  );
  const header = exists ? await readHeader(found) : undefined;
  if (header?.id === id) return [found, header];
  const message = `${path} holds only what has changed since ${file}, which is not beside it: name that one too`;
  throw new SnapshotError(message, { offset: 0 });
}
