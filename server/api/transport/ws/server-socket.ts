import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { BACKPRESSURE_MAX_SOCKET_BYTES } from '../../../engine/streams/backpressure.ts';
import type { CloseCode } from '../../../core/close-codes.ts';
import type { OutboundChannel } from '../../connection/connection.ts';
import type { CallerPlace } from '../../connection/caller-places.ts';
import type { Connection } from '../../connection/context.ts';
import type { FairTurns, InboundSource } from '../../connection/fair-turns.ts';
import { PRICES, priceOfInput } from '../../connection/work-budget.ts';
import { API_LIMITS } from '../../limits.ts';
import { BatchReader, isBatch } from './batch-reader.ts';
import { decodedFrame } from './decoded-frame.ts';
import type { SocketCalls } from './socket-calls.ts';
import { parseExactJson } from '../exact-json.ts';
import type { MessageMeter } from './message-meter.ts';
import { inflateWithin } from './bounded-inflate.ts';
import { batchWrites } from './write-batching.ts';

type SendCallback = (error?: Error) => void;
type SendOptions = {
  mask?: boolean | undefined;
  binary?: boolean | undefined;
  compress?: boolean | undefined;
  fin?: boolean | undefined;
};

/** A frame that holds nothing but `{"id":…,"method":"subscription.stop"}` is at most this long, in bytes. */
const STOP_FRAME_BYTES = 1_024;
/** RFC 6455, 7.4.1. */
const MESSAGE_TOO_BIG = { code: 1009, reason: '' };
/** Bytes of the text frames `PING` and `PONG`. */
const KEEP_ALIVE_BYTES = 4;
/** Messages that may wait for their turn before the socket is paused, and their bytes. */
const PAUSE_AT_MESSAGES = 16;
const PAUSE_AT_BYTES = 64 * 1024;
/**
 * Unsent bytes in a socket above which no more calls of it are started: what their answers would hold for a client that
 * does not read stays small, and is not made. A client that reads nothing for long is cut by the heartbeat.
 */
const ANSWERS_HIGH_WATER_BYTES = 1024 * 1024;

/**
 * Unsent bytes above which the socket of a relay is terminated: many read by it, and what few of them have asked for at
 * once must not cut all. Long before that their answers are refused (`relayed-callers.ts`); this is room for the
 * refusals.
 */
const RELAY_MAX_SOCKET_BYTES = 4 * BACKPRESSURE_MAX_SOCKET_BYTES;

/** Interval, in milliseconds, at which such a socket is looked at. */
const DRAIN_POLL_MS = 50;
/** How long a client may take to answer the closing handshake, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 500;

/**
 * Bytes of a frame up to which it is parsed when it arrives. A larger one is parsed when its turn comes: those of
 * several connections, which arrive together, would else make one long turn.
 */
const PARSED_AT_ONCE_BYTES = 32 * 1024;

/** Bytes of a large batch that are scanned in one turn. */
const SCANNED_AT_ONCE_BYTES = 64 * 1024;

/** Stands for a frame or a message that is no JSON, which is refused by the decoder. */
const MALFORMED = Buffer.from('[');

/** A frame as it came. */
interface Frame {
  readonly kind: 'frame';
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** One message of a batch. */
interface ParsedMessage {
  readonly kind: 'message';
  readonly message: unknown;
  /** Price of its bytes: its share of those of its frame. */
  readonly inputPrice: number;
}

/** A large batch, which is read a piece at a time. */
interface LargeBatch {
  readonly kind: 'batch';
  readonly reader: BatchReader;
  isScanned: boolean;
}

/**
 * A ws connection of the server: backpressure, write batching, heartbeat and fair turns, which tRPC's adapter leaves to
 * it.
 */
export class ServerSocket extends WebSocket implements OutboundChannel, InboundSource {
  /** State of admission and heartbeat (`heartbeat.ts`). Times are of `performance.now()`. */
  readonly liveness = {
    admitted: false,
    openedAt: performance.now(),
    /** When a message or a pong last arrived. */
    receivedAt: performance.now(),
    pingedAt: 0,
    /** About how many bytes were sent since then. */
    sentBytes: 0,
  };
  /** Its place among the connections of its caller. */
  place: CallerPlace | undefined;
  /** Takes its messages; without it tRPC's adapter does, which listens for them. */
  calls: SocketCalls | undefined;
  /** Level at which events are compressed for it; 0: not at all. */
  deflateLevel = 0;
  /** The stream that the connection's frames are written to. */
  #stream: Duplex | undefined;
  #turns: FairTurns | undefined;
  #meter: MessageMeter | undefined;
  /** Whether the next message holds tRPC's connection params, for which the context waits. */
  #awaitsParams = false;
  /** Whether it was admitted with a token: what it sends may be of full size. */
  #hasToken = false;
  /** `undefined` until the connection's context is there. */
  #connection: Connection | undefined;
  /** Messages that wait for their turn, or for the context; those before `#started` have been started. */
  #waiting: (Frame | ParsedMessage | LargeBatch)[] = [];
  #started = 0;

  /** `undefined` until its context is there. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Hands over the stream of the upgraded connection, before anything is sent. */
  attach(stream: Duplex, turns: FairTurns, meter: MessageMeter, awaitsParams: boolean): void {
    this.#stream = stream;
    this.#turns = turns;
    this.#meter = meter;
    this.#awaitsParams = awaitsParams;
    if (!awaitsParams) this.#awaitContext();
  }

  /** Its client takes compressed events, and may send compressed messages. */
  compress(level: number): void {
    this.deflateLevel = level;
    inflateWithin(
      this,
      () => this.#hasToken,
      (close) => this.reject(close),
    );
  }

  /** Reads nothing more until the context is there: what a client sends meanwhile waits in its own system. */
  #awaitContext(): void {
    this.#meter?.bound(false);
    this.pause();
  }

  /** The connection counts as admitted from now on; with a token it may send messages of full size. */
  admit(hasToken: boolean): void {
    this.liveness.admitted = true;
    this.#hasToken = hasToken;
    this.#meter?.bound(!hasToken);
  }

  #holdsTooMuch(): boolean {
    const unsent = this.bufferedAmount;
    if (unsent <= BACKPRESSURE_MAX_SOCKET_BYTES) return false;
    return this.#connection?.isRelay !== true || unsent > RELAY_MAX_SOCKET_BYTES;
  }

  get unsent(): number {
    return this.bufferedAmount;
  }

  disconnect(): void {
    this.terminate();
  }

  /**
   * Writes an encoded frame, which may go to many sockets. It goes between the frames of `ws`, which writes each of its
   * own in one turn: it compresses and fragments nothing here.
   */
  writeFrame(frame: Uint8Array): void {
    if (this.readyState !== WebSocket.OPEN || !this.#stream) return;
    if (this.#holdsTooMuch()) return this.terminate();
    this.liveness.sentBytes += frame.length;
    this.#stream.write(frame);
  }

  /**
   * Sends an answer, and terminates a connection that holds too much unsent: tRPC's adapter sends whatever is answered
   * and never looks at the socket. Subscriptions wait for a backpressured socket by themselves
   * (`engine/streams/backpressure.ts`); answers cannot wait.
   */
  override send(
    data: Parameters<WebSocket['send']>[0],
    second?: SendOptions | SendCallback,
    third?: SendCallback,
  ): void {
    if (this.#holdsTooMuch()) return this.terminate();
    if (this.#stream) batchWrites(this.#stream);
    // The adapter sends text.
    if (typeof data === 'string') this.liveness.sentBytes += data.length;
    // Answers hold secrets and what callers chose side by side: they are never compressed.
    if (typeof second === 'object') super.send(data, { ...second, compress: false }, third);
    else super.send(data, { compress: false }, second);
  }

  /**
   * Sends an answer as {@link send} does, in one buffer: `ws` writes a header of its own before each text.
   *
   * @param frame the message, in tRPC's protocol
   */
  sendFrame(frame: Uint8Array): void {
    if (this.#holdsTooMuch()) return this.terminate();
    if (this.readyState !== WebSocket.OPEN || !this.#stream) return;
    batchWrites(this.#stream);
    this.liveness.sentBytes += frame.length;
    this.#stream.write(frame);
  }

  /** Passes incoming messages through the fair turns (`connection/fair-turns.ts`) on their way to tRPC's adapter. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'close') this.#letGo();
    if (event !== 'message' && event !== 'pong' && event !== 'ping') return super.emit(event, ...args);
    if (Buffer.isBuffer(args[0])) this.#meter?.complete(args[0].length);
    if (event === 'ping') return super.emit(event, ...args);
    this.liveness.receivedAt = performance.now();
    this.liveness.sentBytes = 0;
    const [data, isBinary] = args;
    if (event === 'pong' || !this.#turns || !Buffer.isBuffer(data)) return super.emit(event, ...args);
    this.#receive({ kind: 'frame', data, isBinary: isBinary === true }, this.#turns);
    return true;
  }

  #receive(frame: Frame, turns: FairTurns): void {
    // `ws` lets the envelopes of relays through.
    if (frame.data.length > API_LIMITS.messageBytes && this.#connection?.isRelay !== true) {
      this.reject(MESSAGE_TOO_BIG);
      return;
    }
    if (this.#awaitsParams) {
      this.#awaitsParams = false;
      this.#awaitContext();
      this.#pass(frame);
      return;
    }
    const isLater = frame.data.length > PARSED_AT_ONCE_BYTES && !frame.isBinary && isBatch(frame.data);
    const messages = isLater ? undefined : messagesOfBatch(frame);
    this.#connection?.chargeInput(frame.data.length);
    const isStopping = isStopFrame(frame);
    const isControl = frame.data.length <= KEEP_ALIVE_BYTES || isStopping;
    if (isControl) this.#connection?.charge(PRICES.control);
    const isDirect = !isLater && this.#waiting.length === 0 && this.#connection !== undefined && !isStopping;
    const count = messages?.length ?? 1;
    const inputPrice = priceOfInput(frame.data.length / Math.max(1, count));
    if (isDirect && !messages?.some(isStop) && turns.tryStart(this, count, count * inputPrice)) {
      if (messages) this.#deliver(decodedFrame(messages), true);
      else this.#pass(frame);
      return;
    }
    const waitsAlready = this.#waiting.length > 0;
    if (messages) for (const message of messages) this.#waiting.push({ kind: 'message', message, inputPrice });
    else if (isLater) this.#waiting.push({ kind: 'batch', reader: new BatchReader(frame.data), isScanned: false });
    else this.#waiting.push(frame);
    // What the socket has read already comes all the same; nothing more is read until all of it has been started.
    if (this.#meter) this.#meter.waitingBytes += frame.data.length;
    const bytes = this.#meter?.waitingBytes ?? 0;
    if (this.#waiting.length >= PAUSE_AT_MESSAGES || bytes >= PAUSE_AT_BYTES) this.pause();
    if (this.#connection && !waitsAlready) turns.wait(this);
  }

  /** Hands a frame on as it came. */
  #pass({ data, isBinary }: Frame): void {
    this.#deliver(data, isBinary);
  }

  #deliver(data: Buffer, isBinary: boolean): void {
    if (this.calls) this.calls.receive(data, isBinary);
    else super.emit('message', data, isBinary);
  }

  /** Nobody waits for what it has sent any more. */
  #letGo(): void {
    this.calls?.close();
    this.#waiting = [];
    this.#started = 0;
    this.#turns?.leave(this);
  }

  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN;
  }

  /** Whether something that it has sent waits for its turn, here or in its system. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0 || this.isPaused;
  }

  /** Whether it is that of a relay. */
  get isRelay(): boolean {
    return this.#connection?.isRelay === true;
  }

  get payer(): string {
    return this.#connection?.payer ?? '';
  }

  get messagePrice(): number {
    return this.#connection?.messagePrice ?? 1;
  }

  waitMs(): number {
    const ownMs = Math.max(this.#connection?.waitMs() ?? 0, this.#connection?.rateWaitMs() ?? 0);
    return this.bufferedAmount > ANSWERS_HIGH_WATER_BYTES ? Math.max(ownMs, DRAIN_POLL_MS) : ownMs;
  }

  /**
   * A `subscription.stop` is never in one slice with what was sent before it: the adapter registers a subscription only
   * some promises after its message, and ignores a stop that comes before. The subscription would then run for as long
   * as the socket.
   */
  startNext(points: number): boolean {
    this.liveness.receivedAt = performance.now();
    const next = this.#waiting[this.#started];
    if (next?.kind === 'message') this.#startMessages(points);
    else if (next?.kind === 'batch') this.#startBatch(next, points);
    else if (next) {
      this.#started += 1;
      this.#pass(next);
    }
    if (this.#started < this.#waiting.length) return true;
    this.#waiting = [];
    this.#started = 0;
    if (this.#meter) this.#meter.waitingBytes = 0;
    if (this.isPaused) this.resume();
    return false;
  }

  #startMessages(points: number): void {
    const slice: unknown[] = [];
    let price = 0;
    for (; ; this.#started += 1) {
      const next = this.#waiting[this.#started];
      if (next?.kind !== 'message') break;
      price += this.messagePrice + next.inputPrice;
      if (slice.length > 0 && (price > points || isStop(next.message))) break;
      slice.push(next.message);
    }
    this.#deliver(decodedFrame(slice), true);
  }

  /** Scans a large batch, or starts its next messages: one of them, however large, and further small ones. */
  #startBatch(batch: LargeBatch, points: number): void {
    const { reader } = batch;
    if (!batch.isScanned) {
      const scanned = reader.scan(SCANNED_AT_ONCE_BYTES);
      batch.isScanned = scanned === 'complete';
      if (scanned === 'more' || (batch.isScanned && reader.count <= API_LIMITS.frameMessages)) return;
      this.#started += 1;
      // Refused as a whole, for its number of messages or for what it is.
      if (batch.isScanned) this.#deliver(decodedFrame(Array.from({ length: reader.count })), true);
      else this.#deliver(MALFORMED, false);
      return;
    }
    const slice: unknown[] = [];
    let price = 0;
    for (; ; reader.take()) {
      price += this.messagePrice + priceOfInput(reader.nextBytes ?? 0);
      if (slice.length > 0 && price > points) break;
      const next = reader.peek();
      if (!next || (slice.length > 0 && (next.isMalformed || isStop(next.message)))) break;
      if (next.isMalformed) {
        reader.take();
        this.#deliver(MALFORMED, false);
        return;
      }
      slice.push(next.message);
    }
    if (reader.nextBytes === undefined) this.#started += 1;
    if (slice.length > 0) this.#deliver(decodedFrame(slice), true);
  }

  /** Starts the messages that arrived before the connection's context was there. */
  begin(connection: Connection): void {
    this.#connection = connection;
    if (!this.liveness.admitted) this.#meter?.bound(true);
    if (this.#waiting.length > 0) this.#turns?.wait(this);
    else this.resume();
  }

  reject({ code, reason }: CloseCode): void {
    this.close(code, reason);
    setTimeout(() => this.terminate(), CLOSE_TIMEOUT_MS).unref();
  }

  /** Sends a ping; any message after it counts as the pong. */
  sendPing(now: number): void {
    this.liveness.pingedAt = now;
    if (this.readyState === WebSocket.OPEN) this.ping();
  }
}

/** The messages of a frame that holds several; `undefined` for a single message and for what cannot be parsed. */
function messagesOfBatch(frame: Frame): unknown[] | undefined {
  const { data, isBinary } = frame;
  if (isBinary || !isBatch(data)) return undefined;
  try {
    const parsed: unknown = parseExactJson(data.toString());
    // A batch with too many messages is refused as a whole, by the decoder.
    return Array.isArray(parsed) && parsed.length <= API_LIMITS.frameMessages ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isStopFrame({ data }: Frame): boolean {
  return data.length <= STOP_FRAME_BYTES && data.includes('"subscription.stop"');
}

function isStop(message: unknown): boolean {
  return (
    typeof message === 'object' && message !== null && 'method' in message && message.method === 'subscription.stop'
  );
}
