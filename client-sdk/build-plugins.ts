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

/** What the helpers do that tRPC's packages bring for old browsers, in the language of the browsers that run the SDK. */
const MODERN_HELPERS: Readonly<Record<string, string>> = {
  objectSpread2: 'const _objectSpread2 = Object.assign;',
  defineProperty: 'const _defineProperty = (object, key, value) => { object[key] = value; return object; };',
  asyncIterator: 'const _asyncIterator = (iterable) => iterable[Symbol.asyncIterator]();',
  objectWithoutProperties:
    'const _objectWithoutProperties = (object, left) => Object.fromEntries(Object.entries(object).filter(([key]) => !left.includes(key)));',
};

/** A helper as the compiler of tRPC's packages has put it there. */
const HELPER = /\/\/#region \\0@oxc-project\+runtime@[^/]+\/helpers\/esm\/(\w+)\.js\n([\s\S]*?)\/\/#endregion/g;

/** Takes the place of those helpers: three quarters of a kilobyte, gzipped, of what every page loads. */
export const modernHelpers: Rolldown.Plugin = {
  name: 'modern-helpers',
  transform: (code, id) =>
    id.includes('/@trpc/')
      ? replaced(
          code.replace(HELPER, (region, name: string, body: string) => {
            const helper = MODERN_HELPERS[name];
            // As many lines as before, so that the source map stays right.
            return helper === undefined ? region : helper + '\n'.repeat(body.split('\n').length);
          }),
        )
      : undefined,
};

/** No line was moved, so that the present source map goes on being right. */
function replaced(code: string): { readonly code: string; readonly map: null } {
  return { code, map: null };
}
