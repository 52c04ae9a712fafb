import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer, type RawData } from 'ws';
import { cleanUp } from '../../api/support/server.ts';
import { textOf } from '../../api/support/clients.ts';

/** What becomes of a message of upstream's on its way: none, one, or several. */
export type Lie = (text: string) => readonly string[];

export interface LyingProxy {
  readonly url: string;
  /** `undefined`: everything comes through as it is. */
  lie: Lie | undefined;
  /** Messages that were not passed on as they were. */
  readonly lies: () => number;
}

/** A proxy of ws messages between a relay and its upstream. What the relay says comes through as it is. */
export async function openLyingProxy(upstream: string): Promise<LyingProxy> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  let lies = 0;
  // A server on a port has an address with one.
  const { port } = server.address() as AddressInfo;
  const proxy: LyingProxy = { url: `http://127.0.0.1:${port}`, lie: undefined, lies: () => lies };

  server.on('connection', (inbound, { url = '/' }) => {
    const outbound = new WebSocket(`${upstream.replace('http', 'ws')}${url}`);
    const early: string[] = [];
    const toServer = (text: string): void => {
      if (outbound.readyState === WebSocket.OPEN) outbound.send(text);
      else early.push(text);
    };
    outbound.on('open', () => early.splice(0).forEach(toServer));
    inbound.on('message', (data: RawData) => toServer(textOf(data)));
    outbound.on('message', (data: RawData) => {
      const text = textOf(data);
      const told = proxy.lie?.(text) ?? [text];
      if (told.length !== 1 || told[0] !== text) lies += 1;
      for (const each of told) inbound.send(each);
    });
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => other.terminate());
    }
  });
  cleanUp(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return proxy;
}
