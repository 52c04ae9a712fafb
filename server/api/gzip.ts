import { promisify } from 'node:util';
import { constants, crc32, deflateRawSync, gzip, gzipSync } from 'node:zlib';
import { COMPRESSED_FROM_BYTES, LARGE_BYTES, WORTHWHILE } from './compression.ts';

const gzipLater = promisify(gzip);

/**
 * The answer, gzipped. A large one is made beside the event loop, at the lowest level.
 *
 * @param level 1 to 9; 0: nothing is compressed
 * @returns `undefined` where it is too short, or hardly gets shorter
 */
export async function gzipped(answer: string | Uint8Array, level: number): Promise<Buffer | undefined> {
  if (level === 0 || answer.length < COMPRESSED_FROM_BYTES) return undefined;
  const plain = Buffer.from(answer);
  const made = plain.length < LARGE_BYTES ? gzipSync(plain, { level }) : await gzipLater(plain, { level: 1 });
  return made.length <= plain.length * WORTHWHILE ? exact(made) : undefined;
}

/** Bytes in memory of their own length: zlib's stand in a block of 16 KB, which whoever keeps them would keep whole. */
function exact(made: Buffer): Buffer {
  if (made.length === made.buffer.byteLength) return made;
  const copy = Buffer.allocUnsafeSlow(made.length);
  made.copy(copy);
  return copy;
}

/** Gzip, deflate, no name, no time, unknown system (RFC 1952). */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** The last block, which holds nothing. */
const LAST_BLOCK = Buffer.from([1, 0, 0, 0xff, 0xff]);
const STORED_BYTES = 0xffff;

/** Chunks that were compressed last, over all streams: many are sent the same. */
const RECENT_CHUNKS = 8;
const recent: { readonly plain: Uint8Array; readonly level: number; readonly deflated: Buffer | undefined }[] = [];

/**
 * A gzip stream whose chunks each stand alone: one refers to nothing before it, so that its length says nothing of
 * that, can be read as soon as it is there, and is made once for all streams. Nothing of it is kept, so that what a
 * client has not read is what its socket holds.
 */
export class GzipStream {
  #crc = 0;
  #length = 0;
  #isBegun = false;
  readonly #onDeflated: (bytes: number) => void;

  /** @param onDeflated told the length of each chunk that is deflated here, and not known from another stream */
  constructor(onDeflated: (bytes: number) => void = () => undefined) {
    this.#onDeflated = onDeflated;
  }

  /** @param level of its compression; 0: it is stored as it is. So is what is large, which would take a long turn. */
  write(plain: Uint8Array, level: number): Buffer {
    this.#crc = crc32(plain, this.#crc);
    this.#length = (this.#length + plain.length) >>> 0;
    const blocks = deflated(plain, level, this.#onDeflated) ?? stored(plain);
    if (this.#isBegun) return blocks;
    this.#isBegun = true;
    return Buffer.concat([HEADER, blocks]);
  }

  end(): Buffer {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#length, 4);
    return Buffer.concat([...(this.#isBegun ? [] : [HEADER]), LAST_BLOCK, trailer]);
  }
}

function deflated(plain: Uint8Array, level: number, onDeflated: (bytes: number) => void): Buffer | undefined {
  if (level === 0 || plain.length < COMPRESSED_FROM_BYTES || plain.length >= LARGE_BYTES) return undefined;
  const known = recent.find((one) => one.level === level && Buffer.compare(one.plain, plain) === 0);
  if (known) return known.deflated;
  onDeflated(plain.length);
  // It ends on a byte, and is not the last one.
  const made = deflateRawSync(plain, { level, finishFlush: constants.Z_SYNC_FLUSH });
  const result = made.length <= plain.length * WORTHWHILE ? exact(made) : undefined;
  recent.unshift({ plain, level, deflated: result });
  recent.length = Math.min(recent.length, RECENT_CHUNKS);
  return result;
}

/** The chunk as blocks that are stored as they are (RFC 1951, 3.2.4): its length, and the complement of that. */
function stored(plain: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < plain.length; from += STORED_BYTES) {
    const part = plain.subarray(from, from + STORED_BYTES);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(~part.length & 0xffff, 3);
    parts.push(head, part);
  }
  return Buffer.concat(parts);
}
