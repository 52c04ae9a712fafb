import { constants, deflateRawSync } from 'node:zlib';
import { COMPRESSED_FROM_BYTES, LARGE_BYTES, WORTHWHILE } from '../../compression.ts';

/** The end of a flushed block, which is left out of each message (RFC 7692, 7.2.1). */
const TAIL_BYTES = 4;
/** Final, compressed, text. */
const DEFLATED_TEXT = 0xc1;

/**
 * The deflated rest of a message, behind its request id: made once, for all request ids. It refers to nothing before it
 * (no context), and ends on a byte.
 *
 * @returns `undefined` where it is too short, or hardly gets shorter
 */
export function deflateRest(rest: string, level: number): Buffer | undefined {
  if (rest.length < COMPRESSED_FROM_BYTES) return undefined;
  const plain = Buffer.from(rest);
  const deflated = deflateRawSync(plain, {
    level: rest.length >= LARGE_BYTES ? 1 : level,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const body = deflated.subarray(0, deflated.length - TAIL_BYTES);
  return body.length <= plain.length * WORTHWHILE ? Buffer.from(body) : undefined;
}

/**
 * A ws frame of a compressed message (RFC 7692): its start in a block that is stored as it is, then the deflated rest,
 * the same bytes for everyone.
 */
export function deflatedFrame(prefix: string, body: Buffer): Buffer {
  const start = Buffer.from(prefix);
  const length = 5 + start.length + body.length;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = DEFLATED_TEXT;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  // A stored block (RFC 1951, 3.2.4): its length, and the complement of that.
  frame[head] = 0;
  frame.writeUInt16LE(start.length, head + 1);
  frame.writeUInt16LE(~start.length & 0xffff, head + 3);
  start.copy(frame, head + 5);
  body.copy(frame, head + 5 + start.length);
  return frame;
}
