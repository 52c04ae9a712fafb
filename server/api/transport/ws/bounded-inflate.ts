import { inflateRawSync, constants } from 'node:zlib';
import type { WebSocket } from 'ws';
import type { CloseCode } from '../../../core/close-codes.ts';
import { API_LIMITS } from '../../limits.ts';

/** Bytes that a compressed message may come to, whatever its length, and how often its length beyond them. */
const ALWAYS_BYTES = 64 * 1024;
const MAX_RATIO = 100;

/** The end that a sender leaves out of each message (RFC 7692, 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

const NOTHING = Buffer.alloc(0);

/** RFC 6455, 7.4.1. */
const TOO_BIG: CloseCode = { code: 1009, reason: 'The message comes to more bytes than it may' };
const NOT_DEFLATED: CloseCode = { code: 1007, reason: 'The message cannot be inflated' };

/** How `ws` has a message inflated, piece by piece. */
type Decompress = (data: Buffer, isLast: boolean, callback: (error: Error | null, inflated: Buffer) => void) => void;

/**
 * Replaces how a connection inflates messages, where compression was negotiated. `ws` would keep 50 KB for each
 * connection that has sent one, which browsers do with all they send, and would inflate in the thread pool that tokens
 * are verified in. No message refers to one before it, so that nothing has to be kept.
 *
 * A message is bounded twice: its pieces by `ws` as they come, and here what they come to, by the limit of any message
 * and by a multiple of their length, so that a bomb of a kilobyte costs no more than an honest message of some. Of who
 * is not admitted, or has no token, it may come to no more than any message of theirs.
 *
 * @param mayBeLarge whether the caller may send messages of full size by now
 */
export function inflateWithin(
  socket: WebSocket,
  mayBeLarge: () => boolean,
  onRefused: (close: CloseCode) => void,
): void {
  const extensions: unknown = Reflect.get(socket, '_extensions');
  const extension = isRecord(extensions) ? extensions['permessage-deflate'] : undefined;
  if (!isRecord(extension)) throw new TypeError('ws keeps its extensions in another place');
  let pieces: Buffer[] = [];
  const decompress: Decompress = (data, isLast, callback) => {
    pieces.push(data);
    // Never within the call, in which `ws` does not expect it.
    const answer = (inflated: Buffer): void => process.nextTick(callback, null, inflated);
    if (!isLast) return answer(NOTHING);
    const deflated = Buffer.concat([...pieces, TAIL]);
    pieces = [];
    let inflated: Buffer;
    try {
      inflated = inflateRawSync(deflated, {
        maxOutputLength: mayBeLarge() ? boundOf(deflated) : API_LIMITS.unadmittedBytes,
        finishFlush: constants.Z_SYNC_FLUSH,
      });
    } catch (cause) {
      const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
      const close = isTooLarge ? TOO_BIG : NOT_DEFLATED;
      onRefused(close);
      // The receiver has to know, or it would never end; its own close comes behind that one.
      process.nextTick(callback, new Error(close.reason, { cause }), NOTHING);
      return;
    }
    answer(inflated);
  };
  Object.assign(extension, { decompress });
}

function boundOf(deflated: Buffer): number {
  return Math.min(API_LIMITS.forwardedBytes, ALWAYS_BYTES + MAX_RATIO * deflated.length);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
