import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TcpConnection } from '../tcp-connections.ts';
import type { UnfinishedBodies } from './unfinished-bodies.ts';

/**
 * Bytes of a refused body that are discarded, so that a client which sends all of it before it reads gets the answer;
 * the connection of one that sends more is closed.
 */
const MAX_DISCARDED_BYTES = 2 * 1024 * 1024;

/**
 * Reads the body of a request, at most `limit` bytes, which count as unfinished bytes of its connection until it is
 * complete, and of the caller who pays for it. A larger body is not held.
 *
 * @returns the text; `undefined` where the body is larger
 * @throws {Error} Where the connection is closed before the body is complete.
 */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  connection: TcpConnection,
  { limit, payer, unfinished }: { limit: number; payer: string; unfinished: UnfinishedBodies },
): Promise<string | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > limit) {
    discard(req);
    return Promise.resolve(undefined);
  }
  if (req.headers.expect !== undefined) res.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;

    function finish(): void {
      unfinished.add(payer, -connection.unfinishedBytes);
      connection.unfinishedBytes = 0;
      req.off('data', onData);
      req.off('end', onEnd);
      req.off('close', onClose);
    }
    function onData(chunk: Buffer): void {
      bytes += chunk.length;
      if (bytes <= limit) {
        chunks.push(chunk);
        unfinished.add(payer, chunk.length);
        connection.unfinishedBytes = bytes;
        return;
      }
      finish();
      discard(req);
      resolve(undefined);
    }
    function onEnd(): void {
      finish();
      resolve(Buffer.concat(chunks).toString());
    }
    function onClose(): void {
      finish();
      reject(new Error('The connection was closed before the body was complete'));
    }
    req.on('data', onData);
    req.on('end', onEnd);
    req.on('close', onClose);
  });
}

/** Throws away the body of a request that was refused. */
export function discard(req: IncomingMessage): void {
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) req.socket.destroy();
  });
}
