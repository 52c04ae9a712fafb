import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Transport } from '../connection/connection.ts';
import { API_LIMITS } from '../limits.ts';
import { writeTogether } from './write-batching.ts';

type SendCallback = (error?: Error) => void;
type SendOptions = {
  mask?: boolean | undefined;
  binary?: boolean | undefined;
  compress?: boolean | undefined;
  fin?: boolean | undefined;
};

/** A frame that holds nothing but `{"id":…,"method":"subscription.stop"}` is not longer than this. */
const LONGEST_STOP = 1_024;

/** A ws connection, with what tRPC's adapter leaves to whoever hands it one. */
export class ServerSocket extends WebSocket implements Transport {
  /**
   * Looked at by `socket-watch.ts`; times of `performance.now()`, and about how many bytes were sent since it was last
   * heard.
   */
  readonly life = { admitted: false, openedAt: performance.now(), heardAt: performance.now(), askedAt: 0, sent: 0 };
  /** What the connection's frames are written to. */
  #stream: Duplex | undefined;
  /** Stops that wait for the context; `undefined` once it is there. */
  #heldStops: (() => void)[] | undefined = [];

  /** Given with the upgrade, before anything is sent. */
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
   * Writes a frame that is made already, and may go to many. Between the frames of `ws`, which writes each of its own
   * in one turn: nothing here is compressed or comes in fragments.
   */
  writeFrame(frame: Uint8Array): void {
    if (this.readyState !== WebSocket.OPEN || !this.#stream) return;
    if (this.#stream.writableLength > API_LIMITS.unsentBytes) return this.terminate();
    this.life.sent += frame.length;
    this.#stream.write(frame);
  }

  /**
   * The adapter sends whatever is answered, and never looks at what the socket holds already. Subscriptions wait for a
   * slow reader by themselves (`engine/fan-out.ts`); answers cannot, so that who asks and does not read is cut off.
   */
  override send(
    data: Parameters<WebSocket['send']>[0],
    second?: SendOptions | SendCallback,
    third?: SendCallback,
  ): void {
    if (this.bufferedAmount > API_LIMITS.unsentBytes) return this.terminate();
    if (this.#stream) writeTogether(this.#stream);
    // The adapter sends text.
    if (typeof data === 'string') this.life.sent += data.length;
    if (typeof second === 'object') super.send(data, second, third);
    else super.send(data, second);
  }

  /**
   * The adapter knows a subscription only some promises after its message, and ignores a stop that comes before: the
   * subscription would then run for as long as the socket. When the network has held both back they come in one turn,
   * so that a stop is delayed by one, and until the context is there.
   */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'message' || event === 'pong') {
      this.life.heardAt = performance.now();
      this.life.sent = 0;
    }
    if (event !== 'message' || !isStop(args[0])) return super.emit(event, ...args);
    const deliver = (): void => {
      super.emit(event, ...args);
    };
    if (!this.#heldStops) setImmediate(deliver);
    else if (this.#heldStops.length < API_LIMITS.pendingCalls) this.#heldStops.push(deliver);
    return true;
  }

  /** Pings; any word after this is an answer. */
  askForLife(now: number): void {
    this.life.askedAt = now;
    if (this.readyState === WebSocket.OPEN) this.ping();
  }

  /** The context is there: what came before can go on. */
  releaseStops(): void {
    const held = this.#heldStops ?? [];
    this.#heldStops = undefined;
    for (const deliver of held) setImmediate(deliver);
  }
}

function isStop(frame: unknown): boolean {
  return Buffer.isBuffer(frame) && frame.length <= LONGEST_STOP && frame.includes('"subscription.stop"');
}
