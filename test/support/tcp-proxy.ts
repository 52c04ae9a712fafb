import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire between a client and a server on this machine, with a hand on it. */
export interface TcpProxy {
  /** Where clients connect to, instead of the server. */
  readonly url: string;
  /** How many connections have been made through it. */
  readonly connections: () => number;
  /** Cuts every connection; new ones come through. */
  cut(): void;
  /** Cuts every connection, and refuses new ones until `restore`. */
  sever(): void;
  /** Connections stay open, and nothing comes through any more, new ones included, until `restore`: a half-open link. */
  freeze(): void;
  /** The server still hears everything, and nobody hears the server, until `restore`. */
  dropReplies(): void;
  restore(): void;
  close(): Promise<void>;
}

type Mode = 'through' | 'severed' | 'frozen' | 'deaf';

/**
 * Starts a proxy to a port on 127.0.0.1.
 *
 * @example
 * const proxy = await openTcpProxy(server.port);
 * proxy.dropReplies(); // the mutation arrives, its receipt does not
 */
export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  let mode: Mode = 'through';
  let made = 0;
  const pairs = new Map<Socket, Socket>();

  const server = createServer((inbound) => {
    if (mode === 'severed') {
      inbound.destroy();
      return;
    }
    made += 1;
    const outbound = connect(targetPort, '127.0.0.1');
    pairs.set(inbound, outbound);
    inbound.on('data', (chunk) => mode !== 'frozen' && outbound.write(chunk));
    outbound.on('data', (chunk) => mode === 'through' && inbound.write(chunk));
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      // What was swallowed makes the rest of such a connection worthless; it only ends when it is cut.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        other.destroy();
        pairs.delete(inbound);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  function cut(): void {
    for (const [inbound, outbound] of pairs) {
      inbound.destroy();
      outbound.destroy();
    }
    pairs.clear();
  }

  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => made,
    cut,
    sever() {
      mode = 'severed';
      cut();
    },
    freeze() {
      mode = 'frozen';
    },
    dropReplies() {
      mode = 'deaf';
    },
    restore() {
      mode = 'through';
    },
    async close() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
