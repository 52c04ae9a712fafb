import type { Config } from './config.ts';

/** What a running server prints for people, and sends to the process that started it. */
export interface Announcement {
  /** Such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Where the data are, in a few words. */
  readonly storage: string;
  /** Which callers are admitted, in a few words. */
  readonly access: string;
}

/** The announcement of a relay. */
export function relayAnnouncementOf(url: string, { relayUpstream = '', relayDir, auth }: Config): Announcement {
  const kept = relayDir === undefined ? '' : `, what was last seen in ${relayDir}`;
  return { url, storage: `relayed from ${relayUpstream}${kept}`, access: describeAccess(auth) };
}

/** The announcement of a server with this configuration. */
export function announcementOf(url: string, { storage, redisUrl, auth }: Config): Announcement {
  return {
    url,
    storage: redisUrl === undefined ? describeStorage(storage) : `${describeStorage(storage)}, ordered by Redis`,
    access: describeAccess(auth),
  };
}

/** The lines of an announcement, for a terminal. */
export function announcementLines({ url, storage, access }: Announcement): string[] {
  return [
    `API       ${url}/trpc  (ws, http and SSE)`,
    `Health    ${url}/readyz, metrics ${url}/metrics`,
    `Data      ${storage}`,
    `Access    ${access}`,
  ];
}

function describeAccess(auth: Config['auth']): string {
  return auth.kind === 'none'
    ? 'every caller is a development admin (AUTH_SECRET is not set)'
    : 'tokens; the command `token` makes one';
}

function describeStorage(storage: Config['storage']): string {
  if (storage.kind === 'none') return 'memory only: nothing outlives this process';
  return storage.kind === 'postgres' ? 'Postgres' : `embedded Postgres in ${storage.dataDir}`;
}
