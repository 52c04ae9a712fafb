import type { WebSocket } from 'ws';

/**
 * How a thin client speaks to each system: just enough to subscribe, to find the updates in what comes, and to change something. The
 * same socket code for all of them, so that what is measured is the server.
 */
export interface Protocol {
  path: string;
  subprotocol?: string;
  /** Called with each text frame until it returns true: from then on the client is subscribed. `undefined`: the socket has just opened. */
  join(socket: WebSocket, frame: string | undefined): boolean;
  /** Answers a frame that is the protocol's own, such as a ping; true where it was one. */
  housekeeping?(socket: WebSocket, frame: string): boolean;
  /** A change, and how its answer is recognised. */
  mutation?(id: number): { frame: string; isAnswer(frame: string): boolean };
}

const trpcWatch = (path: string): Protocol => ({
  path: '/trpc',
  join(socket, frame) {
    if (frame === undefined) socket.send(JSON.stringify({ id: 1, method: 'subscription', params: { path, input: {} } }));
    return frame !== undefined && frame.includes('"data"');
  },
  mutation: (id) => ({
    frame: JSON.stringify({
      id,
      method: 'mutation',
      params:
        path === 'campaign.watch'
          ? { path: 'campaign.update', input: { campaignId: 'bench', updates: { bench: { n: id } } } }
          : { path: 'update', input: { campaignId: 'bench', updates: { bench: { n: id } } } },
    }),
    isAnswer: (frame) => frame.startsWith(`{"id":${id},`),
  }),
});

export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  ours: trpcWatch('campaign.watch'),
  'stock-trpc': trpcWatch('watch'),
  'raw-ws': {
    path: '/',
    join(socket, frame) {
      if (frame === undefined) socket.send('{"subscribe":"bench"}');
      return frame !== undefined;
    },
    mutation: (id) => ({ frame: JSON.stringify({ id, update: { n: id } }), isAnswer: (frame) => frame.startsWith(`{"id":${id}`) }),
  },
  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    join(socket, frame) {
      if (frame?.startsWith('0')) socket.send('40');
      if (frame?.startsWith('40')) socket.send('42["join","bench"]');
      return frame?.startsWith('42["update"') === true;
    },
    housekeeping(socket, frame) {
      if (frame !== '2') return false;
      socket.send('3');
      return true;
    },
    mutation: (id) => ({ frame: `42${id}["change",{"n":${id}}]`, isAnswer: (frame) => frame.startsWith(`43${id}[`) }),
  },
  'graphql-ws': {
    path: '/graphql',
    subprotocol: 'graphql-transport-ws',
    join(socket, frame) {
      if (frame === undefined) socket.send('{"type":"connection_init"}');
      else if (frame.includes('connection_ack')) {
        socket.send('{"id":"1","type":"subscribe","payload":{"query":"subscription{bench{n t text}}"}}');
      }
      return frame?.includes('"next"') === true;
    },
    housekeeping(socket, frame) {
      if (!frame.includes('"type":"ping"')) return false;
      socket.send('{"type":"pong"}');
      return true;
    },
  },
};
