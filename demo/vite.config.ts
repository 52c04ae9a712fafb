import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { build, defineConfig, loadEnv, type Plugin } from 'vite';

/** Where `npm run dev` starts the server: the same variable decides it. */
const { PORT = '4000' } = loadEnv('development', '.', 'PORT');
const server = `http://127.0.0.1:${PORT}`;

/** Smaller files gain nothing that is worth a request header. */
const MIN_COMPRESSED_BYTES = 1_024;

/** Compresses what is built, once and at the highest level: the server sends `main.js.br` in place of `main.js`. */
function precompress(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(?:js|css|html|svg|json)$/.test(name)) continue;
    const file = join(folder, name);
    const content = readFileSync(file);
    if (content.length < MIN_COMPRESSED_BYTES) continue;
    writeFileSync(`${file}.br`, brotliCompressSync(content));
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  }
}

// The SDK's sources, so that neither development nor the build waits for a build of the SDK.
const resolve = { conditions: ['source', 'module', 'browser', 'development|production'] };

const built = {
  outDir: 'dist',
  target: 'es2022',
  // The server's Content-Security-Policy allows no data: fonts or styles.
  assetsInlineLimit: 0,
  modulePreload: { polyfill: false },
  // The tables of other scripts are large, and loaded by whoever types one.
  chunkSizeWarningLimit: 600,
} as const;

/** Builds the audience's page apart from the console, with Preact in React's place, and then compresses everything. */
const audience: Plugin = {
  name: 'audience',
  apply: 'build',
  async closeBundle() {
    await build({
      configFile: false,
      logLevel: 'warn',
      plugins: [react()],
      resolve: {
        ...resolve,
        alias: [
          { find: /^react-dom\/client$/, replacement: 'preact/compat/client' },
          { find: /^react(-dom)?$/, replacement: 'preact/compat' },
          { find: /^react\/jsx-runtime$/, replacement: 'preact/jsx-runtime' },
        ],
      },
      build: { ...built, emptyOutDir: false, copyPublicDir: false, rolldownOptions: { input: ['audience.html'] } },
    });
    precompress(built.outDir);
  },
};

export default defineConfig({
  plugins: [react(), audience],
  resolve,
  build: { ...built, rolldownOptions: { input: ['index.html', '404.html'] } },
  server: {
    host: '127.0.0.1',
    proxy: { '/trpc': { target: server, ws: true }, '/dev': server },
  },
});
