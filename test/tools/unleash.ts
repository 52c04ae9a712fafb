import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import type { Context } from 'unleash-client';

const require = createRequire(import.meta.url);
// The evaluation of Unleash's own SDK, without its network: what `unleash.isEnabled` and `getVariant` call. Required,
// because its default export is not the module's for ES modules.
const { default: UnleashClient } =
  require('unleash-client/lib/client.js') as typeof import('unleash-client/lib/client.js');
const { defaultStrategies } =
  require('unleash-client/lib/strategy/index.js') as typeof import('unleash-client/lib/strategy/index.js');

/** What a test hands to Unleash as the context of a user. */
export type UnleashContext = Context;

/** A case of Unleash's client specification. */
export interface UnleashCase {
  readonly description: string;
  readonly context: UnleashContext;
  readonly toggleName: string;
}

interface VariantResult {
  readonly name: string;
  readonly enabled: boolean;
  readonly payload?: { readonly type: string; readonly value: string };
  readonly feature_enabled?: boolean;
}

export interface UnleashFeature {
  readonly name: string;
}

export interface UnleashSegment {
  readonly id: number;
}

/** A file of Unleash's client specification. */
export interface UnleashSpecification {
  readonly name: string;
  /** Without features it is the protocol between a server and its SDKs that the file is about. */
  readonly state: { readonly features?: readonly UnleashFeature[]; readonly segments?: readonly UnleashSegment[] };
  readonly tests: readonly (UnleashCase & { readonly expectedResult: boolean })[];
  readonly variantTests: readonly (UnleashCase & { readonly expectedResult: VariantResult })[];
}

const FOLDER = join(import.meta.dirname, 'node_modules', '@unleash', 'client-specification', 'specifications');

/** Unleash's client specification, file by file. */
export function readUnleashSpecification(): UnleashSpecification[] {
  // Its index names its files.
  const names = JSON.parse(readFileSync(join(FOLDER, 'index.json'), 'utf8')) as string[];
  return names.map((name) => {
    const file = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Partial<UnleashSpecification>;
    return { name, state: {}, ...file, tests: file.tests ?? [], variantTests: file.variantTests ?? [] };
  });
}

/** Evaluates flags as Unleash's Node SDK does offline. */
export function createUnleashOracle(state: UnleashSpecification['state']): {
  isEnabled(name: string, context: UnleashContext): boolean;
  variantOf(name: string, context: UnleashContext): VariantResult;
} {
  const repository = {
    getToggle: (name: string) => state.features?.find((feature) => feature.name === name),
    getSegment: (id: number) => state.segments?.find((segment) => segment.id === id),
  };
  // Of the repository it calls these two alone; the strategies are its own.
  const client = new UnleashClient(repository as never, defaultStrategies);
  client.on('error', () => {});
  return {
    isEnabled: (name, context) => client.isEnabled(name, context, () => false),
    variantOf: (name, context) => client.getVariant(name, context),
  };
}
