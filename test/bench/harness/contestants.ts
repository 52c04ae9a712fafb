import { SECRET } from './token.ts';

/** A system as it takes part in a comparison. */
export interface Contestant {
  /** The file's name in `systems/`. */
  system: string;
  /** How thin clients speak to it; see `protocols.ts`. */
  protocol: string;
  env?: Readonly<Record<string, string>>;
  /** Watchers and writers bring a token, which the server verifies. */
  secret?: string;
}

const OURS: Contestant = { system: 'ours', protocol: 'ours', env: { AUTH_SECRET: SECRET }, secret: SECRET };

/** By the names that results carry. */
export const CONTESTANTS = {
  ours: OURS,
  /** The plain iterator path: `CAMPAIGN_FANOUT=iterator`. */
  'ours-iterator': { ...OURS, env: { AUTH_SECRET: SECRET, CAMPAIGN_FANOUT: 'iterator' } },
  /** Every watcher hears of durability too, which is a second event for each change. */
  'ours-receipts': { ...OURS, protocol: 'ours-receipts' },
  /** Its clients offer `permessage-deflate`, and are sent compressed frames. */
  'ours-compressed': { ...OURS, protocol: 'ours-compressed' },
  /** Its clients do not. */
  'ours-plain': OURS,
  /** With PGlite in its thread instead of the archive in memory. */
  'ours-embedded': OURS,
  /** Behind one relay, and behind a chain of two; `BENCH_UPSTREAM` says before what. */
  'ours-relay': { ...OURS, system: 'ours-relay' },
  'ours-chain': { ...OURS, system: 'ours-relay' },
  /** Two workers and their primary. */
  'ours-workers': { ...OURS, system: 'ours-workers' },
  'raw-ws': { system: 'raw-ws', protocol: 'raw-ws' },
  'raw-ws-token': { system: 'raw-ws', protocol: 'raw-ws', env: { AUTH_SECRET: SECRET }, secret: SECRET },
  'redis-ws': { system: 'redis-ws', protocol: 'raw-ws' },
  'redis-script-ws': { system: 'redis-script-ws', protocol: 'raw-ws' },
  'stock-trpc': { system: 'stock-trpc', protocol: 'stock-trpc' },
  'socket.io': { system: 'socket.io', protocol: 'socket.io' },
  'graphql-ws': { system: 'graphql-ws', protocol: 'graphql-ws' },
  hocuspocus: { system: 'hocuspocus', protocol: 'hocuspocus' },
  colyseus: { system: 'colyseus', protocol: 'colyseus' },
} satisfies Record<string, Contestant>;

export type ContestantName = keyof typeof CONTESTANTS;
