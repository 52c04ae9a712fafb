import type { WebSocket } from 'ws';

/** What a client brings when it connects. */
export interface Session {
  token: string | undefined;
  /** Where it was when it lost its connection. */
  resumeId: string | undefined;
}

/**
 * How a thin client speaks to each system: just enough to subscribe, to find the updates in what comes, and to change
 * something. The same socket code for all of them, so that what is measured is the server. Frames are text; a binary
 * one is read as Latin-1, which keeps each byte as one character.
 */
export interface Protocol {
  path: string;
  subprotocol?: string;
  /** Whether its clients offer `permessage-deflate`. Default: they do not. */
  takesCompressed?: boolean;
  /** Asks over http for a place, and answers the path to connect to. */
  reserve?(port: number): Promise<string>;
  /**
   * Called with each frame until it returns true: with that frame the client is subscribed. `undefined`: the socket has
   * just opened.
   */
  join(socket: WebSocket, frame: string | undefined, session: Session): boolean;
  /** Answers a frame that is the protocol's own, such as a ping; true where it was one. */
  housekeeping?(socket: WebSocket, frame: string): boolean;
  /** Where a client resumes that has seen this frame. */
  resumeId?(frame: string): string | undefined;
  /** Makes ready to send changes; like `join`, without a subscription. Default: at once. */
  prepare?(socket: WebSocket, frame: string | undefined, session: Session): boolean;
  /** A change, and how its answer is recognised. */
  mutation?(id: number, durable: boolean): Sent;
  /** So many changes in one call, made where the client is: at the position that its last answer has said. */
  push?(id: number, count: number, base: string | undefined): Sent;
  /** The newest position that an answer says. */
  positionIn?(frame: string): string | undefined;
}

/** What was sent, and how its answer is recognised. */
export interface Sent {
  frame: string | Buffer;
  isAnswer(frame: string): boolean;
}

/** Binary frames are written as Latin-1 text too. */
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const connectionParams = (token: string | undefined): string =>
  JSON.stringify({ method: 'connectionParams', data: { token, contract: '1' } });
const subscription = (path: string, input: object): string =>
  JSON.stringify({ id: 1, method: 'subscription', params: { path, input } });
const mutation = (id: number, path: string, input: object): string =>
  JSON.stringify({ id, method: 'mutation', params: { path, input } });
const isAnswerTo =
  (id: number) =>
  (frame: string): boolean =>
    frame.startsWith(`{"id":${id},`);

function ours(receipts: boolean): Protocol {
  return {
    path: '/trpc?connectionParams=1',
    join(socket, frame, { token, resumeId }) {
      if (frame === undefined) {
        socket.send(connectionParams(token));
        socket.send(
          subscription('campaign.watch', {
            campaignId: 'bench',
            receipts,
            ...(resumeId !== undefined && { lastEventId: resumeId }),
          }),
        );
      }
      return frame?.includes('"type":"data"') === true;
    },
    resumeId: (frame) => /"id":"([^"]+)"\}\}$/.exec(frame)?.[1],
    prepare(socket, frame, { token }) {
      if (frame === undefined) socket.send(connectionParams(token));
      return true;
    },
    mutation: (id, durable) => ({
      frame: mutation(id, 'campaign.update', {
        campaignId: 'bench',
        updates: { edit: { n: id } },
        ...(durable && { durability: 'durable' }),
      }),
      isAnswer: isAnswerTo(id),
    }),
    push: (id, count, base) => ({
      frame: mutation(id, 'campaign.push', {
        campaignId: 'bench',
        mutations: Array.from({ length: count }, (_, index) => ({
          mutationId: `bench-${process.pid}-${id}-${index}`,
          base,
          command: { type: 'update', updates: { edit: { n: id * count + index } } },
        })),
      }),
      isAnswer: isAnswerTo(id),
    }),
    positionIn: (frame) => /.*"position":"([^"]+)"/.exec(frame)?.[1],
  };
}

const stockTrpc: Protocol = {
  path: '/trpc',
  join(socket, frame) {
    if (frame === undefined) socket.send(subscription('watch', {}));
    return frame?.includes('"type":"data"') === true;
  },
  mutation: (id) => ({
    frame: mutation(id, 'update', { campaignId: 'bench', updates: { edit: { n: id } } }),
    isAnswer: isAnswerTo(id),
  }),
};

const rawWs: Protocol = {
  path: '/',
  join(socket, frame, { token }) {
    if (frame === undefined) socket.send(JSON.stringify({ subscribe: 'bench', token }));
    return frame !== undefined;
  },
  mutation: (id) => ({ frame: JSON.stringify({ id, update: { edit: { n: id } } }), isAnswer: isAnswerTo(id) }),
};

const socketIo: Protocol = {
  path: '/socket.io/?EIO=4&transport=websocket',
  join(socket, frame) {
    if (frame?.startsWith('0')) socket.send('40');
    if (frame?.startsWith('40')) socket.send('42["join","bench"]');
    return frame?.startsWith('42["update"') === true;
  },
  prepare(socket, frame) {
    if (frame?.startsWith('0')) socket.send('40');
    return frame?.startsWith('40') === true;
  },
  housekeeping(socket, frame) {
    if (frame !== '2') return false;
    socket.send('3');
    return true;
  },
  mutation: (id) => ({ frame: `42${id}["change",{"n":${id}}]`, isAnswer: (frame) => frame.startsWith(`43${id}[`) }),
};

const graphqlWs: Protocol = {
  path: '/graphql',
  subprotocol: 'graphql-transport-ws',
  join(socket, frame) {
    if (frame === undefined) socket.send('{"type":"connection_init"}');
    else if (frame.includes('connection_ack')) {
      socket.send('{"id":"1","type":"subscribe","payload":{"query":"subscription{bench{n t items{id label value}}}"}}');
    }
    return frame?.includes('"next"') === true;
  },
  housekeeping(socket, frame) {
    if (!frame.includes('"type":"ping"')) return false;
    socket.send('{"type":"pong"}');
    return true;
  },
};

/** Each message begins with the document's name, then its type: 0 sync, 2 authentication. */
const DOCUMENT = '\x05bench';

const hocuspocus: Protocol = {
  path: '/',
  join(socket, frame) {
    if (frame === undefined) socket.send(bytes(`${DOCUMENT}\x02\x00\x00`));
    // Let in: the first step of the sync, with an empty state vector. Its second step brings the document.
    else if (frame.startsWith(`${DOCUMENT}\x02`)) socket.send(bytes(`${DOCUMENT}\x00\x00\x01\x00`));
    return frame?.startsWith(`${DOCUMENT}\x00\x01`) === true;
  },
};

/** The first byte says what a message is: 10 joined, 13 data, 14 the whole state, 15 a patch. */
const JOIN_ROOM = '\x0a';
const ROOM_DATA = '\x0d';
const ROOM_STATE = '\x0e';

const colyseus: Protocol = {
  path: '/',
  async reserve(port) {
    const response = await fetch(`http://127.0.0.1:${port}/matchmake/joinOrCreate/bench`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    });
    const { processId, roomId, sessionId } = (await response.json()) as {
      processId: string;
      roomId: string;
      sessionId: string;
    };
    return `/${processId}/${roomId}?sessionId=${sessionId}`;
  },
  join(socket, frame) {
    if (frame?.startsWith(JOIN_ROOM)) socket.send(bytes(JOIN_ROOM));
    return frame?.startsWith(ROOM_STATE) === true;
  },
  prepare: (socket, frame) => {
    if (frame?.startsWith(JOIN_ROOM)) socket.send(bytes(JOIN_ROOM));
    return frame?.startsWith(ROOM_STATE) === true;
  },
  mutation(id) {
    // MessagePack: a text of up to 31 characters is its length and its characters.
    const text = String(id);
    const packed = String.fromCharCode(0xa0 | text.length) + text;
    return {
      frame: bytes(`${ROOM_DATA}\xa6change${packed}`),
      isAnswer: (frame) => frame === `${ROOM_DATA}\xa7changed${packed}`,
    };
  },
};

export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  ours: ours(false),
  'ours-receipts': ours(true),
  'ours-compressed': { ...ours(false), takesCompressed: true },
  'stock-trpc': stockTrpc,
  'raw-ws': rawWs,
  'socket.io': socketIo,
  'graphql-ws': graphqlWs,
  hocuspocus,
  colyseus,
};

export function protocolNamed(name: string): Protocol {
  const protocol = PROTOCOLS[name];
  if (!protocol) throw new Error(`no protocol ${name}`);
  return protocol;
}
