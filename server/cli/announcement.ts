import type { Config } from './config.ts';

/** What people are told of a server that is there. */
export interface Announcement {
  url: string;
  storage: string;
  access: string;
}

export function announcementOf(url: string, { storage, redisUrl, auth }: Config): Announcement {
  return {
    url,
    storage: redisUrl === undefined ? describeStorage(storage) : `${describeStorage(storage)}, ordered by Redis`,
    access:
      auth.kind === 'none'
        ? 'everyone who reaches it is a development admin (there is no AUTH_SECRET)'
        : 'tokens; the command `token` makes one',
  };
}

/** The lines that belong under a title, within one screen. */
export function announcementLines({ url, storage, access }: Announcement): string[] {
  return [
    `API       ${url}/trpc  (ws, http and SSE)`,
    `Health    ${url}/readyz, metrics ${url}/metrics`,
    `Data      ${storage}`,
    `Access    ${access}`,
  ];
}

function describeStorage(storage: Config['storage']): string {
  if (storage.kind === 'none') return 'memory only: nothing outlives this process';
  return storage.kind === 'postgres' ? 'Postgres' : `embedded Postgres in ${storage.dataDir}`;
}
