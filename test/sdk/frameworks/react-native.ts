import { createContext, runInContext } from 'node:vm';
import {
  createCampaignClient,
  type CampaignClient,
  type CampaignUpdates,
  type KeyValueStorage,
  type SyncStatus,
} from '../../../client-sdk/src/index.ts';
import { until } from './page.ts';

/** `URL` as React Native has it: without `canParse` and `parse`. */
class UrlOfReactNative {
  readonly #url: URL;
  constructor(url: string, base?: string) {
    this.#url = new URL(url, base);
  }
  get protocol() {
    return this.#url.protocol;
  }
  get host() {
    return this.#url.host;
  }
  get pathname() {
    return this.#url.pathname;
  }
  get search() {
    return this.#url.search;
  }
  get hash() {
    return this.#url.hash;
  }
  get username() {
    return this.#url.username;
  }
  get password() {
    return this.#url.password;
  }
}

/** What the bundle makes: the client of the recipe, and hooks that are mounted without a screen. */
interface App {
  readonly client: CampaignClient;
  readonly mount: () => {
    readonly shown: { readonly current: Shown | undefined };
    readonly unmount: () => void;
  };
}

/** What the hooks have returned last. */
interface Shown {
  readonly title: string | undefined;
  readonly state: SyncStatus['state'];
  readonly canUndo: boolean;
  readonly undo: () => void;
  readonly updateCampaign: (updates: CampaignUpdates) => unknown;
}

/**
 * Runs a bundle of Metro's where there is the language, and of the platform only what React Native has: no `window`, no
 * `document`, no `crypto`, no `navigator`, no streams.
 *
 * @param bundle puts the client of the recipe into `globalThis.app`
 * @returns what was seen
 */
export async function runWithoutBrowserGlobals(bundle: string, url: string): Promise<string[]> {
  const kept = new Map<string, string>();
  const storage: KeyValueStorage = {
    getAllKeys: async () => [...kept.keys()],
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  };
  const appStates = new Set<(state: string) => void>();
  const networks = new Set<(state: { isConnected: boolean }) => void>();
  const sandbox = {
    console,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    queueMicrotask,
    WebSocket,
    AbortController,
    AbortSignal,
    URL: UrlOfReactNative,
    fetch: () => Promise.reject(new TypeError('Network request failed')),
    platform: {
      AsyncStorage: storage,
      AppState: {
        addEventListener(_type: string, listener: (state: string) => void) {
          appStates.add(listener);
          return { remove: () => appStates.delete(listener) };
        },
      },
      NetInfo: {
        addEventListener(listener: (state: { isConnected: boolean }) => void) {
          networks.add(listener);
          return () => networks.delete(listener);
        },
      },
    },
    app: undefined as App | undefined,
  };
  const context = createContext(sandbox);
  // Of the language, too, Hermes has not everything in each of its versions.
  runInContext('delete globalThis.WeakRef; delete globalThis.FinalizationRegistry', context);
  runInContext(bundle, context);
  const missing = runInContext('[typeof document, typeof crypto, typeof navigator, typeof WeakRef]', context);
  if (String(missing) !== 'undefined,undefined,undefined,undefined')
    throw new Error(`The bundle runs where there are more globals than on a phone: ${String(missing)}`);
  const { client, mount } = sandbox.app ?? {};
  if (!client || !mount) throw new Error('The bundle has made no client');
  const elsewhere = createCampaignClient({ url });
  try {
    const seen: string[] = [];
    const campaign = client.campaign('spring');
    const stop = campaign.subscribe(() => undefined);
    const shown = () => campaign.getSnapshot().state.title;
    await until(() => campaign.getSnapshot().status === 'success', 'the campaign did not become live');
    await elsewhere.campaign('spring').update({ title: 'From elsewhere' });
    await until(() => shown() === 'From elsewhere', 'what somebody else wrote was not shown');
    seen.push('its run is live');

    void campaign.pacedUpdate({ title: 'Typed on a phone' }, { wait: 600_000 });
    for (const listener of appStates) listener('background');
    await until(() => campaign.getSnapshot().sync.state === 'saved', 'leaving the foreground sent nothing');
    seen.push('what is typed is sent when the app leaves the foreground');

    await until(() => [...kept.values()].join(' ').includes('Typed on a phone'), 'AsyncStorage holds nothing');
    seen.push(`AsyncStorage holds it, under ${[...kept.keys()].map((key) => key.split('/')[0]).join(', ')}`);

    const { shown: hooks, unmount } = mount();
    await until(() => hooks.current?.title === 'Typed on a phone', 'hooks did not show the campaign');
    hooks.current?.updateCampaign({ title: 'Typed into a hook' });
    await until(() => hooks.current?.title === 'Typed into a hook', 'a hook did not show what was typed');
    unmount();
    await until(() => campaign.getSnapshot().sync.state === 'saved', 'a hook that is unmounted sent nothing');
    const again = mount();
    await until(() => again.shown.current?.canUndo === true, 'a hook does not know what can be taken back');
    again.shown.current?.undo();
    await until(() => again.shown.current?.title === 'From elsewhere', 'a hook took nothing back');
    again.unmount();
    seen.push('hooks show, edit, send what they hold when they are unmounted, and undo');

    for (const listener of networks) listener({ isConnected: false });
    const { status } = client.connection.getSnapshot();
    // A connection that lives is believed more than the device.
    if (status !== 'connected') throw new Error(`The connection that lives is said to be ${status}`);
    stop();
    return seen;
  } finally {
    elsewhere.close();
    client.close();
  }
}
