import { render } from '@testing-library/react';
import { QueryClient } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { renderToString as renderReact } from 'react-dom/server';
import { get } from 'svelte/store';
import { createApp, createSSRApp, h, watchSyncEffect, type Ref } from 'vue';
import { renderToString as renderVue } from 'vue/server-renderer';
import type {
  Campaign,
  CampaignClient,
  CampaignSnapshot,
  CampaignUpdates,
  Change,
  ConnectionState,
  Pace,
} from '../../../client-sdk/src/index.ts';
import { campaignAccess, type AccessView } from '../../../client-sdk/src/access/index.ts';
import type { CampaignFilter, CampaignList } from '../../../client-sdk/src/campaigns/index.ts';
import { campaignHistory, type HistoryView } from '../../../client-sdk/src/history/index.ts';
import { lockHandle, type LockStatus } from '../../../client-sdk/src/locks/index.ts';
import { campaignPresence, type Presence } from '../../../client-sdk/src/presence/index.ts';
import * as react from '../../../client-sdk/src/react/index.ts';
import * as reactCampaigns from '../../../client-sdk/src/react/campaigns/index.ts';
import * as reactLocks from '../../../client-sdk/src/react/locks/index.ts';
import * as reactPresence from '../../../client-sdk/src/react/presence/index.ts';
import * as svelte from '../../../client-sdk/src/svelte/index.ts';
import * as svelteCampaigns from '../../../client-sdk/src/svelte/campaigns/index.ts';
import * as vue from '../../../client-sdk/src/vue/index.ts';
import * as vueCampaigns from '../../../client-sdk/src/vue/campaigns/index.ts';
import type { ConflictsView, SyncView, UndoView } from '../../../client-sdk/src/views/campaign-views.ts';
import type { EditView } from '../../../client-sdk/src/views/edit-outcome.ts';
import type { ServiceState } from '../../../client-sdk/src/views/service-state.ts';

/** What is mounted: a client, and the campaign that is read; without one, the server's default campaign. */
export interface Page {
  readonly client: CampaignClient;
  readonly campaignId?: string | undefined;
}

/** Something that a binding shows while it is mounted. */
export interface Mounted<T> {
  /** Every value that it was rendered with, oldest first. */
  readonly seen: readonly T[];
  readonly latest: () => T;
  readonly unmount: () => void;
}

interface Paced {
  readonly updateCampaign: (updates: CampaignUpdates) => Change;
  readonly flush: () => void;
}

/** What every binding can show. */
export interface Binding {
  readonly selection: <T>(
    page: Page,
    select: (snapshot: CampaignSnapshot) => T,
    isEqual?: (a: T, b: T) => boolean,
  ) => Mounted<T>;
  /** A selection of what nothing is subscribed to. */
  readonly unsubscribed: <T>(page: Page, select: (snapshot: CampaignSnapshot) => T) => Mounted<T>;
  readonly connection: (page: Page) => Mounted<ConnectionState>;
  readonly feature: (page: Page, name: string, defaultValue?: boolean) => Mounted<boolean>;
  readonly sync: (page: Page) => Mounted<SyncView>;
  readonly service: (page: Page) => Mounted<ServiceState>;
  readonly undo: (page: Page) => Mounted<UndoView>;
  readonly conflicts: (page: Page) => Mounted<ConflictsView>;
  readonly edit: <A extends readonly unknown[]>(
    page: Page,
    edit: (campaign: Campaign, ...args: A) => Change,
  ) => Mounted<EditView<A>>;
  readonly paced: (page: Page, pace: Pace) => Mounted<Paced>;
  readonly lostConnection: (page: Page, told: (event: string) => void, afterMs: number) => Mounted<unknown>;
  readonly access: (page: Page) => Mounted<AccessView>;
  readonly history: (page: Page, limit: number) => Mounted<HistoryView>;
  readonly campaigns: (page: Page, filter: CampaignFilter) => Mounted<CampaignList>;
  readonly several: <T>(
    page: Page,
    ids: readonly string[],
    select: (snapshots: readonly CampaignSnapshot[]) => T,
  ) => Mounted<T>;
  readonly presence: (page: Page & { readonly campaignId: string }) => Mounted<Presence>;
  readonly lock: (page: Page & { readonly campaignId: string }, path: readonly string[]) => Mounted<LockStatus>;
  /** The page as it is rendered on a server, with the title of its campaign. */
  readonly renderedTitle: (page: Page) => Promise<string>;
}

function mounted<T>(mount: (show: (value: T) => void) => () => void): Mounted<T> {
  const seen: T[] = [];
  const unmount = mount((value) => seen.push(value));
  return {
    seen,
    latest() {
      if (seen.length === 0) throw new Error('It has shown nothing yet');
      // There is one: undefined may be the value.
      return seen.at(-1) as T;
    },
    unmount,
  };
}

function inReact<T>({ client, campaignId }: Page, useValue: () => T): Mounted<T> {
  return mounted((show) => {
    function Reader() {
      show(useValue());
      return null;
    }
    const { unmount } = render(
      <react.CampaignProvider client={client} campaignId={campaignId} queryClient={new QueryClient()}>
        <Reader />
      </react.CampaignProvider>,
    );
    return unmount;
  });
}

const reactBinding: Binding = {
  selection: (page, select, isEqual) => inReact(page, () => react.useCampaignSnapshot(select, { isEqual })),
  unsubscribed: (page, select) => inReact(page, () => react.useCampaignSnapshot(select, { enabled: false })),
  connection: (page) => inReact(page, react.useConnection),
  feature: (page, name, defaultValue) =>
    inReact(page, () => react.useFeature(name, defaultValue === undefined ? {} : { defaultValue })),
  sync: (page) => inReact(page, react.useSyncStatus),
  service: (page) => inReact(page, () => react.useServiceState('campaign')),
  undo: (page) => inReact(page, react.useUndo),
  conflicts: (page) => inReact(page, react.useConflicts),
  edit: (page, edit) => inReact(page, () => react.useCampaignEdit(edit)),
  paced: (page, pace) => inReact(page, () => react.usePacedUpdate(pace)),
  lostConnection: (page, told, afterMs) => inReact(page, () => react.useLostConnection(told, { afterMs })),
  access: (page) => inReact(page, react.useAccess),
  history: (page, limit) => inReact(page, () => react.useCampaignHistory({ limit })),
  campaigns: (page, filter) => inReact(page, () => reactCampaigns.useCampaigns(filter)),
  several: (page, ids, select) => inReact(page, () => reactCampaigns.useSeveralCampaigns(ids, select)),
  presence: (page) => inReact(page, reactPresence.usePresence),
  lock: (page, path) => inReact(page, () => reactLocks.useLock(path)),
  renderedTitle: async ({ client, campaignId }) => {
    function Title() {
      return <h1>{react.useCampaign(({ title }) => title)}</h1>;
    }
    return renderReact(
      <StrictMode>
        <react.CampaignProvider client={client} campaignId={campaignId}>
          <Title />
        </react.CampaignProvider>
      </StrictMode>,
    );
  },
};

function inVue<T>({ client, campaignId }: Page, use: () => Readonly<Ref<T>>): Mounted<T> {
  return mounted((show) => {
    const app = createApp({
      setup() {
        const value = use();
        watchSyncEffect(() => show(value.value));
        return () => null;
      },
    });
    app.provide(vue.campaignKey, { client, campaignId });
    app.mount(document.createElement('main'));
    return () => app.unmount();
  });
}

/** What a composable returns that is no ref. */
function asRef<T>(value: T): Readonly<Ref<T>> {
  return { value } as Readonly<Ref<T>>;
}

const vueBinding: Binding = {
  selection: (page, select, isEqual) => inVue(page, () => vue.useCampaign(select, isEqual ? { isEqual } : {})),
  unsubscribed: (page, select) => inVue(page, () => vue.useCampaign(select, { enabled: false })),
  connection: (page) => inVue(page, vue.useConnection),
  feature: (page, name, defaultValue) =>
    inVue(page, () => vue.useFeature(name, defaultValue === undefined ? {} : { defaultValue })),
  sync: (page) => inVue(page, vue.useSyncStatus),
  service: (page) => inVue(page, () => vue.useServiceState('campaign')),
  undo: (page) => inVue(page, vue.useUndo),
  conflicts: (page) => inVue(page, vue.useConflicts),
  edit: (page, edit) => inVue(page, () => vue.useCampaignEdit(edit)),
  paced: (page, pace) => inVue(page, () => asRef(vue.usePacedUpdate(pace))),
  lostConnection: (page, told, afterMs) => inVue(page, () => asRef(vue.useLostConnection(told, { afterMs }))),
  access: (page) => inVue(page, () => vue.useReadable(campaignAccess(page.client, page))),
  history: (page, limit) =>
    inVue(page, () => vue.useReadable(campaignHistory(page.client, { campaignId: page.campaignId, limit }))),
  campaigns: (page, filter) => inVue(page, () => vueCampaigns.useCampaigns(() => filter)),
  several: (page, ids, select) => inVue(page, () => vueCampaigns.useSeveralCampaigns(() => ids, select)),
  presence: (page) => inVue(page, () => vue.useReadable(() => campaignPresence(page.client, page.campaignId))),
  lock: (page, path) => inVue(page, () => vue.useReadable(lockHandle(page.client, page.campaignId, path))),
  renderedTitle: async ({ client, campaignId }) => {
    const app = createSSRApp({
      setup() {
        const title = vue.useCampaign(({ state }) => state.title);
        return () => h('h1', title.value);
      },
    });
    app.provide(vue.campaignKey, { client, campaignId });
    return renderVue(app);
  },
};

function inSvelte<T>({ subscribe }: svelte.SvelteStore<T>): Mounted<T> {
  return mounted(subscribe);
}

/** A value that no store holds. */
function constant<T>(value: T, stop = () => {}): svelte.SvelteStore<T> {
  return {
    subscribe(run) {
      run(value);
      return stop;
    },
  };
}

const handle = ({ client, campaignId }: Page): Campaign => client.campaign(campaignId);

const svelteBinding: Binding = {
  selection: (page, select, isEqual) => inSvelte(svelte.campaignStore(handle(page), select, isEqual)),
  unsubscribed: (page, select) => inSvelte(constant(get(svelte.campaignStore(handle(page), select)))),
  connection: ({ client }) => inSvelte(svelte.connectionStore(client)),
  feature: (page, name, defaultValue) => inSvelte(svelte.featureStore(handle(page), name, defaultValue)),
  sync: (page) => inSvelte(svelte.syncStore(handle(page))),
  service: (page) => inSvelte(svelte.serviceStore(page.client, handle(page))),
  undo: (page) => inSvelte(svelte.undoStore(handle(page))),
  conflicts: (page) => inSvelte(svelte.conflictsStore(handle(page))),
  edit: (page, edit) => inSvelte(svelte.editStore(handle(page), edit)),
  paced(page, pace) {
    const store = svelte.pacedStore(handle(page), pace, ({ state }) => state.title);
    return inSvelte(
      constant(
        store,
        store.subscribe(() => undefined),
      ),
    );
  },
  lostConnection: ({ client }, told, afterMs) =>
    inSvelte(constant(undefined, svelte.watchLostConnection(client.connection, told, { afterMs }))),
  access: (page) => inSvelte(svelte.readableStore(campaignAccess(page.client, page))),
  history: ({ client, campaignId }, limit) =>
    inSvelte(svelte.readableStore(campaignHistory(client, { campaignId, limit }))),
  campaigns: ({ client }, filter) => inSvelte(svelteCampaigns.campaignsStore(client, filter)),
  several: ({ client }, ids, select) => inSvelte(svelteCampaigns.severalStore(client, ids, select)),
  presence: ({ client, campaignId }) => inSvelte(svelte.readableStore(campaignPresence(client, campaignId))),
  lock: ({ client, campaignId }, path) => inSvelte(svelte.readableStore(lockHandle(client, campaignId, path))),
  // What Svelte makes of `$title` on a server: a subscription that ends with the rendering.
  renderedTitle: async (page) => `<h1>${get(svelte.campaignStore(handle(page), ({ state }) => state.title))}</h1>`,
};

/** Every binding that has hooks. */
export const BINDINGS: readonly (readonly [string, Binding])[] = [
  ['React', reactBinding],
  ['Vue', vueBinding],
  ['Svelte', svelteBinding],
];
