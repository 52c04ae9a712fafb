import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { AppRouter } from '../../../server/index.ts';
import { SECRET, tokenOf } from './token.ts';

/** A stock client of an editor, on a connection of its own. */
export function editorOn(port: number, subject: string) {
  const token = tokenOf(subject, SECRET);
  const socket = createWSClient({ url: `ws://127.0.0.1:${port}/trpc`, connectionParams: { contract: '1', token } });
  return { client: createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] }), close: () => socket.close() };
}

/** A thin client of an editor: calls are frames, so that what is timed is not the time of a client. */
export interface ThinEditor {
  readonly socket: WebSocket;
  /** Sends a call without waiting for its answer; returns its id. */
  send(method: 'mutation' | 'subscription', path: string, input: object): number;
  /** The frame that answers a mutation. */
  call(path: string, input: object): Promise<string>;
}

/**
 * @param onFrame called with every frame that answers no `call`
 * @param perMessageDeflate whether it takes compressed frames
 */
export async function thinEditorOn(
  port: number,
  subject: string,
  onFrame: (text: string) => void = () => undefined,
  perMessageDeflate = false,
): Promise<ThinEditor> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/trpc?connectionParams=1`, { perMessageDeflate });
  await once(socket, 'open');
  socket.send(JSON.stringify({ method: 'connectionParams', data: { contract: '1', token: tokenOf(subject, SECRET) } }));
  let calls = 0;
  let awaited: { readonly start: string; readonly resolve: (text: string) => void } | undefined;
  socket.on('message', (data) => {
    // ws hands over a Buffer unless it is told otherwise.
    const text = (data as Buffer).toString();
    if (text === 'PING') socket.send('PONG');
    else if (awaited && text.startsWith(awaited.start)) awaited.resolve(text);
    else onFrame(text);
  });
  const send: ThinEditor['send'] = (method, path, input) => {
    calls += 1;
    socket.send(JSON.stringify({ id: calls, jsonrpc: '2.0', method, params: { path, input } }));
    return calls;
  };
  return {
    socket,
    send,
    call: (path, input) =>
      new Promise((resolve) => {
        awaited = { start: `{"id":${send('mutation', path, input)},`, resolve };
      }),
  };
}
