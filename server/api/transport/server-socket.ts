import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { BACKPRESSURE_MAX_SOCKET_BYTES } from '../../engine/streams/backpressure.ts';
import type { OutboundChannel } from '../connection/connection.ts';
import { API_LIMITS } from '../limits.ts';
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

/** A ws connection of the server: backpressure, write batching and heartbeat, which tRPC's adapter leaves to it. */
export class ServerSocket extends WebSocket implements OutboundChannel {
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
  /** The stream that the connection's frames are written to. */
  #stream: Duplex | undefined;
  /** Stops that arrived before the connection's context was there; `undefined` once it is. */
  #heldStops: (() => void)[] | undefined = [];

  /** Hands over the stream of the upgraded connection, before anything is sent. */
  attach(stream: Duplex): void {
    this.#stream = stream;
  }

  get unsent(): number {
    return this.bufferedAmount;
  }

  disconnect(): void {
    this.terminate();
  }

  /**
   * Writes an encoded frame, which may go to many sockets. It goes between the frames of `ws`, which writes each of its
   * own in one turn: nothing here is compressed or fragmented.
   */
  writeFrame(frame: Uint8Array): void {
    if (this.readyState !== WebSocket.OPEN || !this.#stream) return;
    if (this.#stream.writableLength > BACKPRESSURE_MAX_SOCKET_BYTES) return this.terminate();
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
    if (this.bufferedAmount > BACKPRESSURE_MAX_SOCKET_BYTES) return this.terminate();
    if (this.#stream) batchWrites(this.#stream);
    // The adapter sends text.
    if (typeof data === 'string') this.liveness.sentBytes += data.length;
    if (typeof second === 'object') super.send(data, second, third);
    else super.send(data, second);
  }

  /**
   * Delays `subscription.stop` by one turn of the event loop, and until the context is there. The adapter registers a
   * subscription only some promises after its message, and ignores a stop that comes before: the subscription would
   * then run for as long as the socket. Both arrive in one turn where the network has held them back.
   */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'message' || event === 'pong') {
      this.liveness.receivedAt = performance.now();
      this.liveness.sentBytes = 0;
    }
    if (event !== 'message' || !isStop(args[0])) return super.emit(event, ...args);
    const deliver = (): void => {
      super.emit(event, ...args);
    };
    if (!this.#heldStops) setImmediate(deliver);
    else if (this.#heldStops.length < API_LIMITS.pendingCalls) this.#heldStops.push(deliver);
    return true;
  }

  /** Sends a ping; any message after it counts as the pong. */
  sendPing(now: number): void {
    this.liveness.pingedAt = now;
    if (this.readyState === WebSocket.OPEN) this.ping();
  }

  /** Delivers the stops that arrived before the connection's context was there. */
  releaseStops(): void {
    const held = this.#heldStops ?? [];
    this.#heldStops = undefined;
    for (const deliver of held) setImmediate(deliver);
  }
}

function isStop(frame: unknown): boolean {
  return Buffer.isBuffer(frame) && frame.length <= STOP_FRAME_BYTES && frame.includes('"subscription.stop"');
}
