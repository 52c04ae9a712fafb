import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A wire between a client and a server on this machine, with a hand on it. */
export interface TcpProxy {
  /** Where clients connect to, instead of the server. */
  readonly url: string;
  readonly port: number;
  /** How many connections have been made through it. */
  readonly connections: () => number;
  /** Cuts every connection; new ones come through. */
  cut(): void;
  /** Cuts every connection, and refuses new ones until `restore`. */
  sever(): void;
  /**
   * Connections stay open, and nothing comes through any more, new ones included, until `restore`: a half-open link.
   */
  freeze(): void;
  /** The server still receives everything, and nobody receives anything from it, until `restore`. */
  dropReplies(): void;
  /** Nothing comes through, and nothing is lost: everything arrives after `restore`. */
  stall(): void;
  /**
   * New connections are cut at the client's second message, until `restore`: a pooler that greets whoever comes while
   * the database behind it is away.
   */
  greetOnly(): void;
  /** From now on, both ways take so many milliseconds longer. */
  delay(milliseconds: number): void;
  /**
   * Everything comes through again; a connection of which something was lost ends, because TCP never leaves a hole in
   * one.
   */
  restore(): void;
  close(): Promise<void>;
}

type Mode = 'through' | 'severed' | 'frozen' | 'deaf' | 'stalled' | 'greeting';

interface Wire {
  inbound: Socket;
  outbound: Socket;
  /** Whether something that one end sent never came to the other. */
  torn: boolean;
}

/**
 * Starts a proxy to a port on 127.0.0.1, or to whatever port each new connection shall have; `undefined`: to none.
 *
 * @example
 * const proxy = await openTcpProxy(server.port);
 * proxy.dropReplies(); // the mutation arrives, its receipt does not
 */
export async function openTcpProxy(target: number | (() => number | undefined)): Promise<TcpProxy> {
  let mode: Mode = 'through';
  let latency = 0;
  let made = 0;
  const wires = new Set<Wire>();

  const server = createServer((inbound) => {
    const port = typeof target === 'number' ? target : target();
    if (mode === 'severed' || port === undefined) {
      inbound.destroy();
      return;
    }
    made += 1;
    const outbound = connect(port, '127.0.0.1');
    const wire = { inbound, outbound, torn: false };
    wires.add(wire);
    const toServer = carrier(outbound, () => latency);
    const toClient = carrier(inbound, () => latency);
    let messages = 0;
    inbound.on('data', (chunk) => {
      messages += 1;
      if (mode === 'greeting' && messages > 1) inbound.destroy();
      else if (mode === 'frozen') wire.torn = true;
      else toServer(chunk);
    });
    outbound.on('data', (chunk) => (mode === 'frozen' || mode === 'deaf' ? (wire.torn = true) : toClient(chunk)));
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      if (mode === 'stalled') socket.pause();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        other.destroy();
        wires.delete(wire);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is never a path.
  const { port } = server.address() as AddressInfo;

  function end(which: (wire: Wire) => boolean): void {
    for (const wire of wires) {
      if (!which(wire)) continue;
      wire.inbound.destroy();
      wire.outbound.destroy();
      wires.delete(wire);
    }
  }

  const cut = (): void => end(() => true);

  return {
    url: `http://127.0.0.1:${port}`,
    port,
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
    stall() {
      mode = 'stalled';
      for (const { inbound, outbound } of wires) {
        inbound.pause();
        outbound.pause();
      }
    },
    greetOnly() {
      mode = 'greeting';
    },
    delay(milliseconds) {
      latency = milliseconds;
    },
    restore() {
      mode = 'through';
      latency = 0;
      end(({ torn }) => torn);
      for (const { inbound, outbound } of wires) {
        inbound.resume();
        outbound.resume();
      }
    },
    async close() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Writes to a socket in order, each chunk after the latency that held when it came. */
function carrier(to: Socket, latency: () => number): (chunk: Buffer) => void {
  let underWay = 0;
  let last: Promise<void> = Promise.resolve();
  const carry = async (before: Promise<void>, chunk: Buffer, due: number): Promise<void> => {
    await before;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    to.write(chunk);
    underWay -= 1;
  };
  return (chunk) => {
    if (underWay === 0 && latency() === 0) {
      to.write(chunk);
      return;
    }
    underWay += 1;
    last = carry(last, chunk, performance.now() + latency());
  };
}
