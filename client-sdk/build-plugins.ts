import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Rolldown } from 'tsdown';

/**
 * React's selector hook, in its production build: the package's entry chooses by `process.env`, which a page without a
 * bundler does not have.
 */
export const SELECTOR_HOOK = join(
  dirname(createRequire(import.meta.url).resolve('use-sync-external-store/package.json')),
  'cjs/use-sync-external-store-with-selector.production.js',
);

/** Makes a module of that hook, which is CommonJS: its `require('react')` would stay, and fail in a browser. */
export const selectorHookAsModule: Rolldown.Plugin = {
  name: 'selector-hook-as-module',
  transform: (code, id) =>
    id === SELECTOR_HOOK
      ? replaced(
          code
            .replace('var React = require("react");', 'import * as React from "react";')
            .replace('exports.useSyncExternalStoreWithSelector =', 'export const useSyncExternalStoreWithSelector ='),
        )
      : undefined,
};

/** tRPC's packages, whose sources are resolved where they are imported by name. */
const TRPC = /^@trpc\/(client|server|react-query)(\/[\w/-]+)?$/;

const require = createRequire(import.meta.url);

/**
 * Takes tRPC from its sources, which its packages bring along. What they have built is for older browsers, with helpers
 * in place of what those do not know: a kilobyte and a half, gzipped, of what every page with hooks loads.
 */
export const trpcFromSources: Rolldown.Plugin = {
  name: 'trpc-from-sources',
  resolveId(source, importer = '') {
    const [, name, path = '/index'] = TRPC.exec(source) ?? [];
    // Declarations are made of those that the packages have built.
    if (name === undefined || /\.d\.[cm]?ts$/.test(importer)) return undefined;
    const sources = join(dirname(require.resolve(`@trpc/${name}/package.json`)), 'src');
    return [`${path}.ts`, `${path}/index.ts`].map((file) => join(sources, file)).find((file) => existsSync(file));
  },
};

/** No line was moved, so that the present source map goes on being right. */
function replaced(code: string): { readonly code: string; readonly map: null } {
  return { code, map: null };
}
