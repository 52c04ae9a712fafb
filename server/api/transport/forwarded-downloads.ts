import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { DOWNLOAD_PATHS, type Downloads } from './downloads.ts';

/** How long upstream may take to begin its answer, and to go on with it, in milliseconds. */
const TIMEOUT_MS = 60_000;
/** Headers that concern the connection alone, and not what is downloaded. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/**
 * The downloads of the server that a relay stands before: what it answers is passed on as fast as it is read. It judges
 * the caller by its own token.
 *
 * @param upstream as the relay's `upstream`
 */
export function createForwardedDownloads(upstream: string): Downloads {
  const { isSecure, target } = targetOf(upstream);

  const ask = (path: string, authorization: string | undefined): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = authorization === undefined ? {} : { authorization };
      const begin = isSecure ? requestHttps : requestHttp;
      const asked = begin({ ...target, path: `${target.path}${path}`, headers, timeout: TIMEOUT_MS }, resolve);
      asked.once('timeout', () => asked.destroy(new Error('upstream does not answer')));
      asked.once('error', reject);
      asked.end();
    });

  return {
    has: (path) => DOWNLOAD_PATHS.has(path),

    async answer(_path, req, res) {
      if (req.method !== 'GET') {
        res.writeHead(405, { allow: 'GET' }).end();
        return;
      }
      try {
        const answer = await ask(req.url ?? '/', req.headers.authorization);
        const headers = Object.entries(answer.headers).filter(([name]) => !OWN_HEADERS.has(name));
        res.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
        await pipeline(answer, res);
      } catch {
        if (res.headersSent) res.destroy();
        else
          res
            .writeHead(503, { 'content-type': 'text/plain; charset=utf-8' })
            .end('Upstream does not answer; try again');
      }
    },
  };
}

function targetOf(upstream: string): { isSecure: boolean; target: RequestOptions & { readonly path: string } } {
  if (upstream.startsWith('unix:'))
    return { isSecure: false, target: { socketPath: upstream.slice('unix:'.length), path: '' } };
  const { protocol, hostname, port, pathname } = new URL(upstream);
  const isSecure = protocol === 'https:' || protocol === 'wss:';
  const path = pathname.replace(/\/+$/, '').replace(/\/trpc$/, '');
  return { isSecure, target: { hostname, ...(port !== '' && { port }), path } };
}
