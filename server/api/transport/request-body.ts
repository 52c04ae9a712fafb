import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TcpConnection } from './tcp-connections.ts';

/**
 * Reads the body of a request, at most `limit` bytes, which count as unfinished bytes of its connection until it is
 * complete. A larger body is not read further: Node discards what follows.
 *
 * @returns the text; `undefined` where the body is larger
 * @throws {Error} Where the connection is closed before the body is complete.
 */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  connection: TcpConnection,
  limit: number,
): Promise<string | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > limit) return Promise.resolve(undefined);
  if (req.headers.expect !== undefined) res.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;

    function finish(): void {
      connection.unfinishedBytes = 0;
      req.off('data', onData);
      req.off('end', onEnd);
      req.off('close', onClose);
    }
    function onData(chunk: Buffer): void {
      bytes += chunk.length;
      if (bytes <= limit) {
        chunks.push(chunk);
        connection.unfinishedBytes = bytes;
        return;
      }
      finish();
      req.resume();
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
