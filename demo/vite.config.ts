import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';

/** Where `npm run dev` starts the server: the same variable decides it. */
const { PORT = '4000' } = loadEnv('development', '.', 'PORT');
const server = `http://127.0.0.1:${PORT}`;

export default defineConfig({
  plugins: [react()],
  // The SDK's sources, so that neither development nor the build waits for a build of the SDK.
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  build: {
    target: 'es2022',
    // The server's Content-Security-Policy allows no data: fonts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'audience.html'] },
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/trpc': { target: server, ws: true }, '/dev': server },
  },
});
