import type { WatchEvent } from '../../../server/core/stream/events.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { streamMirror } from '../../support/stream-mirror.ts';
import type { StreamMirror } from '../../support/stream-mirror.ts';
import { openRaw } from './clients.ts';
import type { Raw } from './clients.ts';
import { CAMPAIGN, tokenFor } from './server.ts';

/** What a client may do with the campaign, as far as it knows: while it asks for other rights it knows nothing. */
export type Rights = 'public' | 'viewer' | 'none' | 'changing';

/** What only readers with a token may ever see, and what nobody may who reads without one. */
export const SECRETS = { owner: 'only-for-tokens', draft: 'written-in-a-draft' } as const;

/** One stream of events, over any number of subscriptions. */
interface Watcher {
  mirror: StreamMirror;
  /** The request under which it listens now. */
  id: number | string | undefined;
  stopping: boolean;
}

/** A client with a socket and a few streams, which does what it is told, at bad moments, and believes nothing. */
export interface FuzzClient {
  /** Does one thing that chance picks. */
  step(): Promise<void>;
  /** Reads, comes back, gets the rights to read, and watches whatever is not watched. */
  settle(): Promise<void>;
  readonly watchers: readonly { mirror: StreamMirror }[];
  readonly rights: Rights;
  /** What the server did that it must not. */
  readonly violations: string[];
  close(): void;
}

interface Result {
  type: string;
  id?: string;
  data?: { data: WatchEvent };
}

const FORGED = ['', 'x', 'e:1', 'e:9007199254740991', '__proto__:1', 'e:1.deadbeef', ':', 'e:-1', 'e:NaN'];

export async function fuzzClient(
  url: string,
  random: SeededRandom,
  firstRights: 'public' | 'viewer',
): Promise<FuzzClient> {
  const violations: string[] = [];
  const watchers: Watcher[] = Array.from({ length: 3 }, () => ({
    mirror: streamMirror(),
    id: undefined,
    stopping: false,
  }));
  let rights: Rights = firstRights;
  let asked = 0;
  let raw = await connect();

  async function connect(): Promise<Raw> {
    for (const watcher of watchers) Object.assign(watcher, { id: undefined, stopping: false });
    rights = firstRights;
    const opened = await openRaw(url, { query: '?connectionParams=1' });
    opened.socket.on('message', (data: Buffer) => {
      opened.messages.length = 0;
      if (opened === raw) hear(data.toString());
    });
    opened.send({
      method: 'connectionParams',
      data: firstRights === 'public' ? null : { token: await tokenFor({ '*': 'viewer' }) },
    });
    return opened;
  }

  function hear(text: string): void {
    const { id, result, error }: { id: number | string; result?: Result; error?: object } = JSON.parse(text);
    const watcher = watchers.find((candidate) => candidate.id === id);
    if (id === 'auth') rights = nextRights;
    if (!watcher) return;
    if (error || result?.type === 'stopped') Object.assign(watcher, { id: undefined, stopping: false });
    if (result?.type !== 'data' || !result.data || result.id === undefined) return;
    if (rights === 'none') violations.push(`an event without the right to it: ${text.slice(0, 200)}`);
    if (rights === 'public' && Object.values(SECRETS).some((secret) => text.includes(secret)))
      violations.push(`a secret: ${text.slice(0, 200)}`);
    try {
      watcher.mirror.take({ resumeId: result.id, event: result.data.data });
    } catch (broken) {
      violations.push(String(broken));
    }
  }

  /** An id of any kind: frames are made by hand around it. */
  function freshId(): number | string {
    asked += 1;
    return random.pick([asked, asked + 0.5, `"${asked}\\`, `é\ud800${asked}`, -asked]);
  }

  function subscribe(watcher: Watcher, lastEventId: string | undefined): void {
    watcher.id = freshId();
    const params = {
      path: 'campaign.watch',
      input: { campaignId: CAMPAIGN, receipts: random.chance(0.5) },
      lastEventId,
    };
    raw.send({ id: watcher.id, method: 'subscription', params });
  }

  let nextRights: Rights = rights;
  async function authenticate(next: 'viewer' | 'none', seconds = 600): Promise<void> {
    // One at a time: its answer is known by its id.
    if (rights === 'changing') return;
    const token = await tokenFor(next === 'viewer' ? { '*': 'viewer' } : { other: 'admin' }, { seconds });
    nextRights = next;
    rights = 'changing';
    raw.send({ id: 'auth', method: 'mutation', params: { path: 'session.authenticate', input: { token } } });
  }

  async function reconnect(): Promise<void> {
    raw.socket.terminate();
    // What has come already is still told.
    raw.socket.removeAllListeners('message');
    raw = await connect();
  }

  return {
    watchers,
    violations,
    get rights() {
      return rights;
    },

    async step() {
      const watcher = random.pick(watchers);
      const dice = random.int(1, 100);
      if (raw.code !== undefined || dice <= 6) await reconnect();
      else if (dice <= 12) raw.socket.pause();
      else if (dice <= 30) raw.socket.resume();
      else if (dice <= 36) await authenticate('viewer');
      else if (dice <= 40) await authenticate('none');
      else if (dice <= 43) await authenticate('viewer', 1);
      else if (dice <= 50)
        raw.send({
          id: `get ${dice}`,
          method: 'query',
          params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } },
        });
      else if (watcher.id === undefined) {
        const anew = random.chance(0.1);
        if (anew) watcher.mirror = streamMirror();
        const forged = random.chance(0.1) ? random.pick(FORGED) : undefined;
        subscribe(watcher, anew ? undefined : (forged ?? watcher.mirror.resumeId));
      } else if (!watcher.stopping && dice > 75) {
        watcher.stopping = true;
        raw.send({ id: watcher.id, method: 'subscription.stop' });
      }
    },

    async settle() {
      raw.socket.resume();
      if (raw.code !== undefined) await reconnect();
      if (rights === 'none' || (rights === 'viewer' && watchers.some(({ id }) => id === undefined)))
        await authenticate('viewer');
      for (const watcher of watchers) if (watcher.id === undefined) subscribe(watcher, watcher.mirror.resumeId);
    },

    close: () => raw.socket.terminate(),
  };
}
