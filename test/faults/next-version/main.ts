import { registerHooks } from 'node:module';

/*
 * A server of the next version: this one, with `seal` in the place of its own. Every record passes through that
 * function, so that nothing else needs to be replaced; the compiler says where it has moved to.
 */

const original = new URL('../../../server/core/stream/hash-chain.ts', import.meta.url).href;
const replacement = new URL('./seal.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    return resolved.url === original && context.parentURL !== replacement
      ? { ...resolved, url: replacement }
      : resolved;
  },
});

await import('../../../start/main.ts');
