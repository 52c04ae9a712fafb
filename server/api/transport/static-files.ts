import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, sep } from 'node:path';
import { lookup } from 'mrmime';
import { acceptedEncodings } from '../compression.ts';

/** Answers a request for a file; the path is that of the URL, still encoded. */
export type StaticFiles = (path: string, req: IncomingMessage, res: ServerResponse) => void;

/** The content encodings that a build may have made beside a file, the shortest first. */
const ENCODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;

/** One representation of a file. */
interface Representation {
  readonly body: Buffer;
  readonly etag: string;
}

interface StaticFile {
  readonly contentType: string;
  readonly identity: Representation;
  readonly encoded: ReadonlyMap<string, Representation>;
}

/** Bytes of all files of a folder, which are kept in memory. */
const MAX_FOLDER_BYTES = 64 * 1024 * 1024;

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
 * Static files of a built page: the files of a folder. A path that is none is answered by its `404.html`, as not found;
 * where it has none, by its `index.html`, for pages that have paths of their own. Without the folder, a page that says
 * how to build it.
 *
 * All files are read once, at the start, and answered from memory: a request opens no file, so that neither a file that
 * was removed nor a lack of file descriptors is an error of a request, and a client that does not read holds a part of
 * a shared buffer only. A `Range` is ignored, as HTTP allows. Precompressed files (`main.js.br`, `main.js.gz`) are sent
 * in place of the file beside them to clients that accept them.
 *
 * @param folder of the built page
 * @throws {Error} In one sentence where its files are larger than 64 MiB.
 */
export function createStaticFiles(folder: string | undefined): StaticFiles {
  if (folder === undefined || !existsSync(join(folder, 'index.html'))) return serveNotBuiltPage;
  const files = readFolder(folder);
  const index = files.get('/index.html');
  const notFound = files.get('/404.html');

  return (path, req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return methodNotAllowed(res);
    const name = decodeURI(path);
    const found = name === '/' ? index : (files.get(name) ?? files.get(`${name}.html`));
    const file = found ?? (hasExtension(name) ? undefined : (notFound ?? index));
    const status = found || file !== notFound ? 200 : 404;
    if (!file) {
      res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found');
      return;
    }
    const [encoding, { body, etag }] = negotiate(file, req.headers['accept-encoding']);
    const headers = {
      ...SECURITY_HEADERS,
      // Vite puts a hash of the content into these names.
      'cache-control': name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag,
      vary: 'accept-encoding',
      ...(encoding !== undefined && { 'content-encoding': encoding }),
    };
    if (status === 200 && matches(req.headers['if-none-match'], etag)) {
      res.writeHead(304, headers).end();
      return;
    }
    res.writeHead(status, { ...headers, 'content-type': file.contentType, 'content-length': body.length });
    res.end(req.method === 'HEAD' ? undefined : body);
  };
}

/** The files of a folder by their path in a URL, without hidden ones. */
function readFolder(folder: string): Map<string, StaticFile> {
  const bodies = new Map<string, Buffer>();
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const parts = name.split(sep);
    if (parts.some((part) => part.startsWith('.') && part !== '.well-known')) continue;
    const file = join(folder, name);
    if (!statSync(file).isFile()) continue;
    const body = readFileSync(file);
    bytes += body.length;
    if (bytes > MAX_FOLDER_BYTES) {
      throw new Error(
        `The folder of the page ${folder} is larger than ${MAX_FOLDER_BYTES / 1024 / 1024} MiB: its files are kept in memory.`,
      );
    }
    bodies.set(`/${parts.join('/')}`, body);
  }

  const files = new Map<string, StaticFile>();
  for (const [path, body] of bodies) {
    if (ENCODINGS.some(({ extension }) => path.endsWith(extension) && bodies.has(path.slice(0, -extension.length))))
      continue;
    const type = lookup(path) ?? 'application/octet-stream';
    const encoded = ENCODINGS.flatMap(({ name, extension }) => {
      const shorter = bodies.get(path + extension);
      return shorter ? [[name, represent(shorter)] as const] : [];
    });
    files.set(path, {
      contentType: type.startsWith('text/') ? `${type};charset=utf-8` : type,
      identity: represent(body),
      encoded: new Map(encoded),
    });
  }
  return files;
}

/** The entity tag is of the content, so that all instances of one build have the same. */
function represent(body: Buffer): Representation {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

/** The shortest representation that the client accepts. */
function negotiate(file: StaticFile, accepted: string | undefined): [string | undefined, Representation] {
  const names = acceptedEncodings(accepted);
  for (const { name } of ENCODINGS) {
    const representation = names.has(name) ? file.encoded.get(name) : undefined;
    if (representation) return [name, representation];
  }
  return [undefined, file.identity];
}

/** Whether an `If-None-Match` names this entity tag. */
function matches(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((item) => item.trim().replace(/^W\//, '') === etag) ?? false;
}

/** Whether a path looks like that of a file, and not like a route of the page. */
function hasExtension(path: string): boolean {
  return /\.\w+$/.test(path.slice(path.lastIndexOf('/')));
}

function serveNotBuiltPage(path: string, req: IncomingMessage, res: ServerResponse): void {
  if (req.method !== 'GET' && req.method !== 'HEAD') return methodNotAllowed(res);
  res.writeHead(path === '/' ? 200 : 404, { ...SECURITY_HEADERS, 'content-type': 'text/html; charset=utf-8' });
  res.end(req.method === 'HEAD' ? undefined : NOT_BUILT_PAGE);
}

function methodNotAllowed(res: ServerResponse): void {
  res.writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' }).end('Only GET and HEAD');
}
