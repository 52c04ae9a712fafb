import type { EditCommand } from '../../../server/core/commands/command.ts';
import { createCampaignClient, type CampaignClientOptions } from '../client.ts';
import type { WebSocketConstructor } from '../link/live-socket.ts';
import { systemNetwork } from '../link/network.ts';
import type { Conflict } from '../sync/conflicts.ts';
import type {
  CampaignClient,
  CampaignLoadStatus,
  ConnectionState,
  Readable,
  RejectedMutation,
  SyncState,
} from '../types.ts';
import { explainCampaign, explainConnection, explainEdit } from './explain.ts';
import { tapSockets, type TappedSocket } from './tapped-socket.ts';

/** A frame that has passed the link. Tokens in it are left out. */
export interface SeenFrame {
  readonly number: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly direction: 'in' | 'out';
  /** Characters. */
  readonly length: number;
  /** The first 2,000 characters. */
  readonly text: string;
}

/** An edit that is not yet known to be committed. */
export interface SeenEdit {
  readonly mutationId: string;
  readonly command: EditCommand;
  /** Since it was made, in milliseconds. */
  readonly age: number;
  readonly state: 'held' | 'waiting' | 'conflicted' | 'sent' | 'accepted';
  readonly why: string;
}

/** A campaign that the client has opened. */
export interface SeenCampaignState {
  readonly campaignId: string;
  readonly status: CampaignLoadStatus;
  readonly sync: SyncState;
  readonly why: string;
  readonly version: number;
  readonly durableVersion: number;
  readonly edits: readonly SeenEdit[];
  readonly rejected: readonly RejectedMutation[];
  readonly conflicts: readonly Conflict[];
  readonly overwritten: readonly Conflict[];
}

/** All that devtools know at one moment. */
export interface DevtoolsSnapshot {
  readonly connection: ConnectionState & { readonly why: string };
  /** Oldest first. */
  readonly frames: readonly SeenFrame[];
  readonly campaigns: readonly SeenCampaignState[];
  readonly delayMs: number;
  readonly isOffline: boolean;
}

/** A look inside of one client, and buttons that make its network worse. */
export interface Devtools extends Readable<DevtoolsSnapshot> {
  /** Cuts the connection, as a network does that is lost. */
  readonly drop: () => void;
  /** Holds each frame back for so long from now on, each way, in milliseconds. */
  readonly setDelay: (milliseconds: number) => void;
  /** Lets nothing through, and has the device report no network, until it is called with `false`. */
  readonly setOffline: (isOffline: boolean) => void;
  /** Forgets the frames. */
  readonly clear: () => void;
}

const MAX_FRAMES = 200;
const MAX_SHOWN_CHARACTERS = 2_000;
/** How often ages and the like are shown anew while somebody looks, in milliseconds. */
const REFRESH_MS = 500;

/**
 * Creates a client that can be looked into. For development: import it on demand, and in development alone, so that it
 * is no part of what users load.
 *
 * @example
 * const { client, devtools } = createClientWithDevtools({ url: 'http://127.0.0.1:4000' });
 * devtools.setOffline(true);
 * console.log(devtools.getSnapshot().campaigns.flatMap(({ edits }) => edits.map(({ why }) => why)));
 */
export function createClientWithDevtools(options: CampaignClientOptions): {
  readonly client: CampaignClient;
  readonly devtools: Devtools;
} {
  const { network = systemNetwork } = options;
  const now = options.clock?.now ?? Date.now;
  const sockets = new Set<TappedSocket>();
  const networkListeners = new Set<(change: 'online' | 'offline') => void>();
  const listeners = new Set<() => void>();
  let frames: readonly SeenFrame[] = [];
  let number = 0;
  let delayMs = 0;
  let isOffline = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  let snapshot: DevtoolsSnapshot | undefined;

  const client = createCampaignClient({
    ...options,
    WebSocket: tapSockets(options.WebSocket ?? platformWebSocket(), sockets, {
      delayMs: () => delayMs,
      isOffline: () => isOffline,
      onFrame(direction, frame) {
        number += 1;
        const text = withoutTokens(frame).slice(0, MAX_SHOWN_CHARACTERS);
        frames = [...frames, { number, at: now(), direction, length: frame.length, text }].slice(-MAX_FRAMES);
        refresh();
      },
    }),
    network: {
      online: () => !isOffline && network.online(),
      onChange(callback) {
        networkListeners.add(callback);
        const stop = network.onChange((change) => isOffline || callback(change));
        return () => {
          networkListeners.delete(callback);
          stop();
        };
      },
    },
  });
  client.connection.subscribe(refresh);

  function refresh(): void {
    snapshot = undefined;
    for (const listener of listeners) listener();
  }

  function read(): DevtoolsSnapshot {
    const link = client.connection.getSnapshot();
    return {
      connection: { ...link, why: explainConnection(link, now()) },
      frames,
      campaigns: client.inspect().map(({ campaign, pending }) => {
        const seen = campaign.getSnapshot();
        const { campaignId = '', status, version, durableVersion, sync } = seen;
        const edits = pending().map((edit) => ({
          mutationId: edit.mutation.mutationId,
          command: edit.mutation.command,
          age: now() - edit.madeAt,
          state: edit.delivery.kind,
          why: explainEdit(edit, link),
        }));
        const { state, rejected, conflicts, overwritten } = sync;
        const why = explainCampaign(seen);
        return {
          campaignId,
          status,
          sync: state,
          why,
          version,
          durableVersion,
          edits,
          rejected,
          conflicts,
          overwritten,
        };
      }),
      delayMs,
      isOffline,
    };
  }

  function getSnapshot(): DevtoolsSnapshot {
    // While nobody subscribes, nothing says that an edit was made: it is read anew, but not within one render.
    if (!snapshot && listeners.size === 0) queueMicrotask(refresh);
    return (snapshot ??= read());
  }

  const devtools: Devtools = {
    getSnapshot,
    getInitialSnapshot: getSnapshot,
    subscribe(listener) {
      const entry = () => listener();
      listeners.add(entry);
      timer ??= setInterval(refresh, REFRESH_MS);
      return () => {
        listeners.delete(entry);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    drop() {
      for (const socket of sockets) socket.drop();
    },
    setDelay(milliseconds) {
      delayMs = milliseconds;
      refresh();
    },
    setOffline(given) {
      if (given === isOffline) return;
      isOffline = given;
      for (const socket of sockets) socket.drop();
      for (const listener of networkListeners) listener(given ? 'offline' : 'online');
      refresh();
    },
    clear() {
      frames = [];
      refresh();
    },
  };
  return { client, devtools };
}

/** The frame without the tokens that it carries: devtools are shown to colleagues, and put into reports. */
function withoutTokens(frame: string): string {
  return frame.replaceAll(/"token":"(?:[^"\\]|\\.)*"/g, '"token":"…"');
}

function platformWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === 'function') return WebSocket;
  throw new Error('There is no WebSocket in this runtime: pass one as the option `WebSocket`');
}
