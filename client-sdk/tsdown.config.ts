import { defineConfig } from 'tsdown';

export default defineConfig({
  entry: { index: 'src/index.ts', react: 'src/react/index.ts' },
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  // At the root, for declarations are made of the server's sources too: the router's type travels inside them.
  tsconfig: '../tsconfig.client-sdk.json',
  dts: true,
  deps: {
    // As a dependency it would bring React and TypeScript to users who want neither, and pin their versions.
    alwaysBundle: ['@trpc/react-query'],
    onlyBundle: ['@trpc/react-query'],
    // What the router's sources import on the server's side; nothing of it is left in what is built.
    neverBundle: [/^zod/, 'uuidv7', /^node:/],
  },
  // The bundler would drop the directive of a module among many; the whole entry is a client module.
  outputOptions: { banner: (chunk) => (chunk.name === 'react' ? "'use client';" : '') },
});
