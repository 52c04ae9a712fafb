import type { Duplex } from 'node:stream';
import type { Connection } from '../../../server/api/connection/context.ts';
import type { FairTurns } from '../../../server/api/connection/fair-turns.ts';
import type { MessageMeter } from '../../../server/api/transport/ws/message-meter.ts';
import { ServerSocket } from '../../../server/api/transport/ws/server-socket.ts';

/** A socket of the server that hangs on no network, with the context there: `message` says what had its turn. */
export function loneSocket(turns: FairTurns): ServerSocket {
  const meter = { bound: () => undefined, complete: () => undefined, waitingBytes: 0 } as unknown as MessageMeter;
  const connection = {
    payer: 'ada',
    messagePrice: 1,
    waitMs: () => 0,
    rateWaitMs: () => 0,
    chargeInput: () => undefined,
    charge: () => undefined,
  } as unknown as Connection;
  // As `ws` makes it for a server, which its types do not know; nothing is sent by it.
  const make = ServerSocket as unknown as new (address: null, protocols: undefined, options: object) => ServerSocket;
  const socket = new make(null, undefined, {});
  socket.pause = () => undefined;
  socket.attach({} as unknown as Duplex, turns, meter, false);
  socket.begin(connection);
  return socket;
}
