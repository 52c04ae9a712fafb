import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import sirv from 'sirv';

/** Answers a request. */
type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** The page loads nothing of other origins but images; React sets inline styles. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "img-src 'self' data: https:",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self' ws: wss:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

const NOT_BUILT_PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>campaign-state</title>
<body style="font: 16px/1.5 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>campaign-state is running</h1>
<p>The procedures are at <code>/trpc</code>. There is no page here, because the demo is not built; <code>npm run build</code> builds it.</p>
`;

/**
 * Static files of a built page: the files of a folder, and its `index.html` for every path that is not a file. Without
 * the folder, a page that says how to build it.
 *
 * @param folder of the built page; its file names are read once, at the start
 */
export function createStaticFiles(folder: string | undefined): Handler {
  if (folder === undefined || !existsSync(join(folder, 'index.html'))) return serveNotBuiltPage;
  const files = sirv(folder, {
    single: true,
    etag: true,
    setHeaders(res, pathname) {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) res.setHeader(name, value);
      // Vite puts a hash of the content into these names.
      res.setHeader(
        'cache-control',
        pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
    },
  });
  return (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return methodNotAllowed(res);
    files(req, res, () => {
      res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found');
    });
  };
}

function serveNotBuiltPage(req: IncomingMessage, res: ServerResponse): void {
  if (req.method !== 'GET' && req.method !== 'HEAD') return methodNotAllowed(res);
  const status = req.url === '/' ? 200 : 404;
  res.writeHead(status, { ...SECURITY_HEADERS, 'content-type': 'text/html; charset=utf-8' });
  res.end(req.method === 'HEAD' ? undefined : NOT_BUILT_PAGE);
}

function methodNotAllowed(res: ServerResponse): void {
  res.writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' }).end('Only GET and HEAD');
}
