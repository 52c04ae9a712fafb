import { jsonEncoder } from '@trpc/server/adapters/ws';
import type { Encoder } from '@trpc/server/adapters/ws';
import type { ResumableEvent } from '../../engine/service.ts';

/**
 * The way of a room's events onto sockets that tRPC's adapter writes to as well. A subscription's iterator yields one
 * thing, a ticket, and then waits. When the adapter encodes the ticket, it is known under which request id the client
 * listens, and the first event takes the ticket's place in that frame. From then on the room writes the frames itself:
 * an event is encoded once, and its ws frame is the same bytes for everyone who listens under the same request id,
 * which is most, because clients count from 1.
 */
export class FrameTicket {
  readonly #take: (prefix: string) => ResumableEvent;

  /** @param take takes the place in the room, given what its frames begin with, and answers the first event */
  constructor(take: (prefix: string) => ResumableEvent) {
    this.#take = take;
  }

  /** Called by the encoder, once. */
  redeem(prefix: string): string {
    return prefix + encode(this.#take(prefix)).rest;
  }
}

/** Request ids for which the frames of an event are kept; whoever listens under another one has its own made. */
const SHARED_IDS = 64;

/** What an event looks like behind the request id, and the whole frames that were made of it. */
interface EncodedEvent {
  rest: string;
  frames: Map<string, Buffer>;
}

/** Bytes of encodings that are kept over all campaigns, whatever number of events they are of. */
const KEPT_BYTES = 64 * 1024 * 1024;

let encoded = new WeakMap<ResumableEvent, EncodedEvent>();
/** At least the bytes that are kept: what went with its event is still counted. */
let keptBytes = 0;

/**
 * Counts what is about to be kept. All is let go where it would be too much: at most, an event is encoded again every
 * so many bytes.
 */
function keep(bytes: number): void {
  keptBytes += bytes;
  if (keptBytes <= KEPT_BYTES) return;
  encoded = new WeakMap();
  keptBytes = bytes;
}

function encode(event: ResumableEvent): EncodedEvent {
  const known = encoded.get(event);
  if (known) return known;
  const id = JSON.stringify(event.resumeId);
  const rest = `"result":{"type":"data","data":{"id":${id},"data":${JSON.stringify(event.event)}},"id":${id}}}`;
  const made: EncodedEvent = { rest, frames: new Map() };
  // A character takes two bytes at most.
  keep(rest.length * 2);
  encoded.set(event, made);
  return made;
}

/** The last frame that was made: a room sends one event to everyone before it takes the next. */
let last: { event: ResumableEvent; prefix: string; frame: Buffer } | undefined;

/** The ws frame of an event for whoever listens under the request id in the prefix; made once for all of them. */
export function encodeFrame(prefix: string, event: ResumableEvent): Buffer {
  if (last?.event === event && last.prefix === prefix) return last.frame;
  const { rest, frames } = encode(event);
  let frame = frames.get(prefix);
  if (!frame) {
    frame = textFrame(prefix + rest);
    if (frames.size < SHARED_IDS) {
      keep(frame.length);
      frames.set(prefix, frame);
    }
  }
  last = { event, prefix, frame };
  return frame;
}

/** A whole ws frame as a server sends it (RFC 6455, 5.2): text, final, not masked. */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x81;
  if (head === 2) {
    frame[1] = length;
  } else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, head);
  return frame;
}

/** What tRPC's adapter hands to the encoder for a tracked value, as far as it matters here. */
interface TrackedMessage {
  id: number | string;
  jsonrpc?: string;
  result: { data: { data: FrameTicket } };
}

function isTicket(message: unknown): message is TrackedMessage {
  const result = message !== null && typeof message === 'object' && 'result' in message ? message.result : undefined;
  const data =
    result !== null && typeof result === 'object' && result !== undefined && 'data' in result ? result.data : undefined;
  return (
    data !== null &&
    typeof data === 'object' &&
    data !== undefined &&
    'data' in data &&
    data.data instanceof FrameTicket
  );
}

/** Encodes as tRPC does; a ticket becomes the first frame of its room. */
export function encodeMessage(message: unknown): ReturnType<Encoder['encode']> {
  if (!isTicket(message)) return jsonEncoder.encode(message);
  const { id, jsonrpc, result } = message;
  const version = jsonrpc === undefined ? '' : `"jsonrpc":${JSON.stringify(jsonrpc)},`;
  return result.data.data.redeem(`{"id":${JSON.stringify(id)},${version}`);
}
