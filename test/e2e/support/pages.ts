import { join } from 'node:path';
import { build, preview } from 'vite';

const root = join(import.meta.dirname, '..');

/** Small pages that use the SDK as an app of somebody's would; `?server=` names the server that they talk to. */
export interface Pages {
  readonly url: string;
  close(): Promise<void>;
}

/** @param outDir where they are built to; nobody else's */
export async function servePages(outDir: string): Promise<Pages> {
  const shared = { root, configFile: false, logLevel: 'error' } as const;
  await build({
    ...shared,
    resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      rolldownOptions: {
        input: [
          'usage-page/index.html',
          'offline-page/index.html',
          'tracked-page/index.html',
          'fallback-page/index.html',
          'arms-page/index.html',
        ].map((page) => join(root, page)),
      },
    },
  });
  const site = await preview({
    ...shared,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, allowedHosts: ['.example.com'] },
  });
  const url = site.resolvedUrls?.local[0];
  if (url === undefined) throw new Error('The pages of the tests are served nowhere');
  return { url, close: () => site.close() };
}
