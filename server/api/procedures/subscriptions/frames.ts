import type { ResumableEvent } from '../../../engine/service.ts';
import type { Connection } from '../../connection/context.ts';
import { deflatedFrame, deflateRest } from './deflated-frames.ts';

/**
 * Placeholder for the first event of a pushed subscription, in a frame that tRPC's adapter encodes. Only the adapter
 * knows the request id under which the client listens, so that the subscription's iterator yields a ticket: when the
 * adapter encodes it, the subscription learns its request id and takes its delivery slot, and the first event takes the
 * ticket's place in the frame. Later frames are written to the socket directly: an event is encoded once, and its ws
 * frame is the same bytes for every subscriber with the same request id, which is most, because clients count from 1.
 */
export class FrameTicket {
  readonly #redeem: (prefix: string) => ResumableEvent;
  readonly #connection: Connection;

  /**
   * @param redeem takes the delivery slot, given the start of its frames, and returns the first event
   * @param connection pays for the bytes of the first event
   */
  constructor(redeem: (prefix: string) => ResumableEvent, connection: Connection) {
    this.#redeem = redeem;
    this.#connection = connection;
  }

  /** Text of the frame. Called once, by `encodeMessage` below, which is the encoder of `transport/ws/ws-server.ts`. */
  redeem(prefix: string): string {
    return prefix + encode(this.#event(prefix)).rest;
  }

  /** The frame itself, compressed where its client takes that and it is worth it. Instead of {@link redeem}. */
  redeemFrame(prefix: string): Buffer {
    return encodeFrame(prefix, this.#event(prefix), this.#connection.deflateLevel);
  }

  #event(prefix: string): Event {
    const event = this.#redeem(prefix);
    this.#connection.chargeAnswer(encode(event).rest.length);
    return event;
  }
}

/** Request ids per event whose frames are cached; frames under further ids are made for each subscriber. */
const CACHED_REQUEST_IDS = 64;

/** An event of a stream, and where the stream resumes after it. */
type Event = Pick<ResumableEvent, 'resumeId'> & { readonly event: object };

/** Encoding of an event: its text behind the request id, and the frames made of it by their prefix. */
interface EncodedEvent {
  rest: string;
  frames: Map<string, Buffer>;
  /** The deflated rest, by level; without one it is not worth it. */
  deflated: Map<number, Buffer | undefined> | undefined;
}

/** Bytes of cached encodings, over all campaigns. */
const ENCODING_CACHE_BYTES = 64 * 1024 * 1024;

let encoded = new WeakMap<Event, EncodedEvent>();
/** Upper bound of the bytes in the cache: encodings that were collected with their event are still counted. */
let cachedBytes = 0;

/**
 * Reserves bytes of the cache. A full cache is emptied: at worst each event is encoded again once per that many bytes.
 */
function reserve(bytes: number): void {
  cachedBytes += bytes;
  if (cachedBytes <= ENCODING_CACHE_BYTES) return;
  encoded = new WeakMap();
  stateTexts = new WeakMap();
  cachedBytes = bytes;
}

/** Characters of a document's text from which on it is cached. */
const CACHED_STATE_CHARACTERS = 4_096;

/** Texts of large documents. A document never changes, and all who ask for it at one version are given the same. */
let stateTexts = new WeakMap<object, string>();

function textOfState(state: object): string {
  const known = stateTexts.get(state);
  if (known !== undefined) return known;
  const text = JSON.stringify(state);
  if (text.length < CACHED_STATE_CHARACTERS) return text;
  reserve(text.length * 2);
  stateTexts.set(state, text);
  return text;
}

/** The encoding of a value that many subscribers are sent as it is. */
interface SharedEncoding {
  /** Empty until the first of them is. */
  text: string;
  /** The frames made of it, by the start of their message. */
  readonly frames: Map<string, Buffer>;
}

/** Request ids per shared value whose frames are kept: as long as the value, which is soon another one. */
const SHARED_REQUEST_IDS = 8;

const shared = new WeakMap<object, SharedEncoding>();

/**
 * Marks an event that many subscribers are sent, and that never changes: over ws it is encoded once for all of them.
 * Not for answers, whose bytes are paid for by who asked.
 *
 * @returns the value
 */
export function shareEncoding<T extends object>(value: T): T {
  if (!shared.has(value)) shared.set(value, { text: '', frames: new Map() });
  return value;
}

function textOfShared(encoding: SharedEncoding, value: object): string {
  if (encoding.text === '') encoding.text = JSON.stringify(value);
  return encoding.text;
}

/** The JSON of an answer. The text of a document in it is cached, and stands at its end. */
function jsonOf(value: object): string {
  const encoding = shared.get(value);
  if (encoding) return textOfShared(encoding, value);
  if (!('state' in value)) return JSON.stringify(value);
  const { state, ...others } = value;
  if (typeof state !== 'object' || state === null) return JSON.stringify(value);
  const rest = JSON.stringify(others).slice(1, -1);
  return `{${rest}${rest === '' ? '' : ','}"state":${textOfState(state)}}`;
}

function encode(event: Event): EncodedEvent {
  const known = encoded.get(event);
  if (known) return known;
  const id = JSON.stringify(event.resumeId);
  const rest = `"result":{"type":"data","data":{"id":${id},"data":${JSON.stringify(event.event)}},"id":${id}}}`;
  const made: EncodedEvent = { rest, frames: new Map(), deflated: undefined };
  // A character takes two bytes at most.
  reserve(rest.length * 2);
  encoded.set(event, made);
  return made;
}

/** The last frame: the fan-out sends one event to all subscribers before the next one. */
let last: { event: Event; prefix: string; level: number; frame: Buffer } | undefined;

/**
 * The ws frame of an event for subscribers with the request id of the prefix; made once for all of them.
 *
 * @param level of the compression that their clients take; 0: none
 */
export function encodeFrame(prefix: string, event: Event, level = 0): Buffer {
  if (last?.event === event && last.prefix === prefix && last.level === level) return last.frame;
  const known = encode(event);
  const { rest, frames } = known;
  const body = level > 0 ? bodyOf(known, level) : undefined;
  const key = body ? `${level} ${prefix}` : prefix;
  let frame = frames.get(key);
  if (!frame) {
    frame = body ? deflatedFrame(prefix, body) : textFrame(prefix + rest);
    if (frames.size < CACHED_REQUEST_IDS) {
      reserve(frame.length);
      frames.set(key, frame);
    }
  }
  last = { event, prefix, level, frame };
  return frame;
}

function bodyOf(encoded: EncodedEvent, level: number): Buffer | undefined {
  encoded.deflated ??= new Map();
  if (encoded.deflated.has(level)) return encoded.deflated.get(level);
  const body = deflateRest(encoded.rest, level);
  reserve(body?.length ?? 0);
  encoded.deflated.set(level, body);
  return body;
}

/** A ws frame as a server sends it (RFC 6455, 5.2): text, final, not masked. */
export function textFrame(text: string): Buffer {
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

/** The part that is read here of what tRPC's adapter hands to the encoder for a tracked value. */
interface TrackedMessage {
  id: number | string;
  jsonrpc?: string;
  result: { data: { data: FrameTicket } };
}

function isTicket(message: unknown): message is TrackedMessage {
  const data = dataOf(message);
  return data !== null && typeof data === 'object' && 'data' in data && data.data instanceof FrameTicket;
}

/** Connections that pay for the bytes of an answer, until it is encoded. */
const payingConnections = new WeakMap<object, Connection>();

/** Charges an answer of a ws connection to it once its bytes are known. */
export function chargeWhenEncoded(answer: unknown, connection: Connection): void {
  // A connection over http is charged with the bytes of the whole response.
  if (typeof answer !== 'object' || answer === null || !connection.closed) return;
  // One that a relay forwards is its caller's, who is charged first.
  if (!payingConnections.has(answer)) payingConnections.set(answer, connection);
}

/** An answer to a query, as tRPC's adapter makes it. */
interface AnswerMessage {
  readonly id: unknown;
  readonly jsonrpc?: unknown;
  readonly result: { readonly type: unknown; readonly data: object };
}

function isAnswer(message: unknown): message is AnswerMessage {
  const data = dataOf(message);
  return typeof data === 'object' && data !== null && ('state' in data || shared.has(data));
}

/** The encoding of an answer. Of one that holds a document, or is shared, only the rest is encoded anew. */
function encodeAnswer(message: unknown): string {
  if (!isAnswer(message)) return JSON.stringify(message);
  const { id, jsonrpc, result } = message;
  return `${startOf(id, jsonrpc)}"result":{"type":${JSON.stringify(result.type)},"data":${jsonOf(result.data)}}}`;
}

/** The start of a message: its request id and the version of the protocol. */
function startOf(id: unknown, jsonrpc: unknown): string {
  return `{"id":${JSON.stringify(id)},${jsonrpc === undefined ? '' : `"jsonrpc":${JSON.stringify(jsonrpc)},`}`;
}

/** The first frame of a subscription that is pushed, in the place of its ticket; `undefined` for any other message. */
export function encodeFirstFrame(message: unknown): Buffer | undefined {
  if (!isTicket(message)) return undefined;
  const { id, jsonrpc, result } = message;
  return result.data.data.redeemFrame(startOf(id, jsonrpc));
}

/** tRPC's encoding, with the first event in the place of a ticket. */
export function encodeMessage(message: unknown): string {
  const data = dataOf(message);
  if (data === null || typeof data !== 'object') return JSON.stringify(message);
  const connection = payingConnections.get(data);
  if (connection) {
    const encoded = encodeAnswer(message);
    connection.chargeAnswer(encoded.length);
    return encoded;
  }
  if (!isTicket(message)) return encodeAnswer(message);
  const { id, jsonrpc, result } = message;
  return result.data.data.redeem(startOf(id, jsonrpc));
}

/**
 * The frame of a message. Of a value that many are sent it is made once for all whose request ids are the same, which
 * is most, because clients count from 1.
 */
export function encodeMessageFrame(message: unknown): Buffer {
  const data = dataOf(message);
  const encoding = typeof data === 'object' && data !== null ? shared.get(data) : undefined;
  if (!encoding || !isAnswer(message)) return textFrame(encodeMessage(message));
  const start = startOf(message.id, message.jsonrpc);
  const known = encoding.frames.get(start);
  if (known) return known;
  const frame = textFrame(encodeAnswer(message));
  if (encoding.frames.size < SHARED_REQUEST_IDS) encoding.frames.set(start, frame);
  return frame;
}

function dataOf(message: unknown): unknown {
  if (message === null || typeof message !== 'object' || !('result' in message)) return undefined;
  const { result } = message;
  return result !== null && typeof result === 'object' && 'data' in result ? result.data : undefined;
}
