import type { Duplex } from 'node:stream';
import { API_LIMITS } from '../../limits.ts';
import type { TcpConnection } from '../tcp-connections.ts';

/** What a received chunk counts as at least, in bytes: a buffer of its own costs about this, however short it is. */
const MIN_CHUNK_BYTES = 256;

/** Bytes of the header and the mask of a frame at most. */
const FRAME_OVERHEAD_BYTES = 14;

/**
 * Counts the bytes that a ws connection has sent and that are held for it: of the message that is not complete, and of
 * complete messages that wait for their turn. `ws` bounds a message, and tells nobody how much of it is there.
 */
export class MessageMeter {
  /** Bytes of an unfinished message above which the connection is cut. */
  #limit: number = API_LIMITS.unadmittedBytes;
  readonly #connection: TcpConnection;
  readonly #onExcess: () => void;
  /** Bytes since the last complete message, about. */
  #unfinished = 0;
  #waiting = 0;
  /** What the present chunk counts as. */
  #chunk = 0;

  /** @param onExcess called where the unfinished message is larger than it may be */
  constructor(connection: TcpConnection, stream: Duplex, onExcess: () => void) {
    this.#connection = connection;
    this.#onExcess = onExcess;
    // Before the listener of `ws`, which emits the messages of a chunk while it handles that.
    stream.prependListener('data', (chunk: Buffer) => this.#receive(chunk));
  }

  #receive(chunk: Buffer): void {
    this.#chunk = Math.max(chunk.length, MIN_CHUNK_BYTES);
    this.#unfinished += this.#chunk;
    this.#update();
    if (this.#unfinished - this.#chunk > this.#limit) this.#onExcess();
  }

  /**
   * Sets the bytes that an unfinished message may have: those of an unadmitted connection, or no bound but that of
   * `ws`.
   */
  bound(isUnadmitted: boolean): void {
    this.#limit = isUnadmitted ? API_LIMITS.unadmittedBytes : Number.POSITIVE_INFINITY;
  }

  /** A message, a ping or a pong is complete: what is left over belongs to the chunk that completed it. */
  complete(bytes: number): void {
    this.#unfinished = Math.min(Math.max(0, this.#unfinished - bytes - FRAME_OVERHEAD_BYTES), this.#chunk);
    this.#update();
  }

  /** Bytes of complete messages that wait for their turn. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  set waitingBytes(bytes: number) {
    this.#waiting = bytes;
    this.#update();
  }

  #update(): void {
    this.#connection.unfinishedBytes = this.#unfinished + this.#waiting;
  }
}
