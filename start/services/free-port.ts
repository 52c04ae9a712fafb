import { createServer, type AddressInfo } from 'node:net';

/** A free port of 127.0.0.1. Another process may take it before it is used. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      // A TCP server's address is never a path.
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
