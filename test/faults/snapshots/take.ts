import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { SLEEPERS, WATCHED } from '../campaigns.ts';
import type { World } from '../world.ts';

/** Snapshots that are taken while everything fails. */
export interface Taking {
  /** Ends it. @returns the paths of whole files, in the order in which they were taken */
  stop(): Promise<{ asked: readonly string[]; periodic: readonly string[]; cut: number }>;
}

/** Milliseconds from the end of one that was asked for to the next. */
const PAUSE_MS = 300;
/** How long one that was asked for may say nothing: of an instance that is paused no answer comes. */
const SILENCE_MS = 20_000;
/** Every so many ask for all campaigns; the others for those that are not flooded, and are small. */
const ALL_IN = 4;

/** A folder for snapshots, and the variables by which instances save theirs into it. */
export async function snapshotFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-faults-snapshots-'));
  return {
    folder,
    env: {
      SNAPSHOT_DIR: folder,
      SNAPSHOT_EVERY: '2s',
      SNAPSHOT_KEEP: '100000',
      SNAPSHOT_INCREMENTS: '4',
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Asks one instance after the other for a snapshot; besides, they save some by themselves into the folder. */
export function takeSnapshots({ instances }: World, folder: string): Taking {
  const asked: string[] = [];
  let cut = 0;
  let stopped = false;

  const take = async (port: number, path: string, search: string): Promise<void> => {
    const ending = new AbortController();
    const silence = setTimeout(() => ending.abort(), SILENCE_MS);
    try {
      const response = await fetch(`http://127.0.0.1:${port}/snapshot${search}`, { signal: ending.signal });
      const { ok, body } = response;
      if (!ok || !body) throw new Error(await response.text());
      const heard = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        for await (const chunk of body) {
          silence.refresh();
          yield chunk;
        }
      };
      await pipeline(heard, createWriteStream(path));
      asked.push(path);
    } finally {
      clearTimeout(silence);
    }
  };
  const small = `?${[...WATCHED, ...SLEEPERS].map((id) => `campaign=${id}`).join('&')}`;
  const run = async (): Promise<void> => {
    for (let number = 0; !stopped; number += 1) {
      const port = instances[number % instances.length]?.port;
      const path = join(folder, `asked-${String(number).padStart(6, '0')}.gz`);
      const search = number % ALL_IN === 0 ? '' : small;
      if (port !== undefined) await take(port, path, search).catch(() => (cut += 1));
      await pause(PAUSE_MS);
    }
  };
  const running = run();

  return {
    async stop() {
      stopped = true;
      await running;
      const names = (await readdir(folder)).filter((name) => /^campaigns-.*\.gz$/.test(name)).sort();
      return { asked, periodic: names.map((name) => join(folder, name)), cut };
    },
  };
}
