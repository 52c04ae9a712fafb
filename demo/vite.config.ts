import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv, type Plugin } from 'vite';

/** Where `npm run dev` starts the server: the same variable decides it. */
const { PORT = '4000' } = loadEnv('development', '.', 'PORT');
const server = `http://127.0.0.1:${PORT}`;

/** Smaller files gain nothing that is worth a request header. */
const MIN_COMPRESSED_BYTES = 1_024;

/** Compresses what is built, once and at the highest level: the server sends `main.js.br` in place of `main.js`. */
const precompress: Plugin = {
  name: 'precompress',
  apply: 'build',
  writeBundle({ dir = 'dist' }) {
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(?:js|css|html|svg|json)$/.test(name)) continue;
      const file = join(dir, name);
      const content = readFileSync(file);
      if (content.length < MIN_COMPRESSED_BYTES) continue;
      writeFileSync(`${file}.br`, brotliCompressSync(content));
      writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), precompress],
  // The SDK's sources, so that neither development nor the build waits for a build of the SDK.
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  build: {
    target: 'es2022',
    // The server's Content-Security-Policy allows no data: fonts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'audience.html', '404.html'] },
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/trpc': { target: server, ws: true }, '/dev': server },
  },
});
