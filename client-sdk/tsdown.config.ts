import { defineConfig } from 'tsdown';
import { SELECTOR_HOOK, selectorHookAsModule, trpcFromSources } from './build-plugins.ts';

/** What the router's sources import on the server's side; nothing of it is left in what is built. */
const SERVER_SIDE = [/^zod/, /^node:/, 'uuidv7', 'ws', 'http', 'http2'];

/** The entries with hooks: for React's server components they are client modules as a whole. */
const CLIENT_MODULES = new Set([
  'react',
  'react-campaigns',
  'react-locks',
  'react-presence',
  'react-experiments',
  'devtools-react',
  'testing',
]);

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    react: 'src/react/index.ts',
    vue: 'src/vue/index.ts',
    svelte: 'src/svelte/index.ts',
    access: 'src/access/index.ts',
    history: 'src/history/index.ts',
    campaigns: 'src/campaigns/index.ts',
    'react-campaigns': 'src/react/campaigns/index.ts',
    'vue-campaigns': 'src/vue/campaigns/index.ts',
    'svelte-campaigns': 'src/svelte/campaigns/index.ts',
    locks: 'src/locks/index.ts',
    'react-locks': 'src/react/locks/index.ts',
    analytics: 'src/analytics/index.ts',
    presence: 'src/presence/index.ts',
    'react-presence': 'src/react/presence/index.ts',
    'react-experiments': 'src/react/experiments/index.ts',
    targeting: 'src/targeting/index.ts',
    devtools: 'src/devtools/index.ts',
    'devtools-react': 'src/devtools/react/index.ts',
    testing: 'src/testing/index.ts',
    'testing-vanilla': 'src/testing/vanilla.ts',
    openfeature: 'src/openfeature/web.ts',
    'openfeature-server': 'src/openfeature/server.ts',
  },
  format: 'esm',
  // An app's bundler adds a hash of its own: of two, each in every import, the first load would carry both.
  hash: false,
  platform: 'neutral',
  target: 'es2022',
  // With the sources inside: whoever debugs an app steps into the client as it was written.
  sourcemap: true,
  // At the root, for declarations are made of the server's sources too: the router's type travels inside them.
  tsconfig: '../tsconfig.client-sdk.json',
  dts: true,
  // Else a bare import of each of those would stay, and tables of which nothing is read.
  treeshake: { moduleSideEffects: false, propertyReadSideEffects: false },
  alias: { 'use-sync-external-store/with-selector': SELECTOR_HOOK },
  plugins: [selectorHookAsModule, trpcFromSources],
  deps: {
    // As dependencies they would bring their peers, React and TypeScript, to users who want neither, and pin the
    // versions of an app's own tRPC.
    alwaysBundle: [/^@trpc\//],
    onlyBundle: false,
    neverBundle: SERVER_SIDE,
    // tRPC's own declarations need those of Node and `ws` to compile; what is left of them in ours needs nothing.
    dts: { alwaysBundle: [/^@trpc\//], neverBundle: SERVER_SIDE },
  },
  // The bundler would drop the directive of a module among many; these entries are client modules as a whole.
  outputOptions: {
    // One file of all that a client needs at first: cut in two, it is a kilobyte more, and a round trip.
    codeSplitting: { groups: [{ name: 'client', test: /client-sdk[\\/]src[\\/]client\.ts$/ }] },
    banner: (chunk) => (CLIENT_MODULES.has(chunk.name) ? "'use client';" : ''),
  },
});
