import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { SnapshotError } from './snapshot-error.ts';

/*
 * The container of snapshot files. A file is a sequence of blocks, each a whole gzip member (RFC 1952), so that `zcat`
 * reads it. The member's extra field has one subfield, `CS`: the size of the member, and a checksum that is chained
 * over the compressed bytes of every block so far. Every byte of a file is covered: those of a header are constants,
 * the compressed ones are in the chain (gzip's own checksum misses what a decompressor ignores), and the last ones are
 * compared with what was unpacked. What follows the last block is refused by the reader of the lines
 * (`read-snapshot.ts`), which knows the last line; and so is an end before it.
 */

/** ID1, ID2, deflate, FEXTRA, no time, no hints, unknown system. */
const FIXED = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255]);
const CHECKSUM_BYTES = 32;
/** Size of the subfield: the member's size, and the checksum. */
const SUBFIELD_BYTES = 4 + CHECKSUM_BYTES;
/** XLEN, the subfield's id `CS` and its length. */
const EXTRA = Buffer.from([SUBFIELD_BYTES + 4, 0, 0x43, 0x53, SUBFIELD_BYTES, 0]);
const HEADER_BYTES = FIXED.length + EXTRA.length + SUBFIELD_BYTES;
/** CRC-32 and size of what was compressed. */
const TRAILER_BYTES = 8;

/** Characters at which a block is closed: small, so that making one hardly delays anything else. */
const BLOCK_CHARACTERS = 128 * 1024;

/**
 * Bytes of one block, unpacked and packed, at most: an entry holds at most a message twice, and a state, each escaped.
 */
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** The checksum before the first block. */
const FIRST_CHECKSUM = chain(Buffer.alloc(0), Buffer.from('campaign-state snapshot'));

function chain(previous: Uint8Array, packed: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([previous, packed]), 'buffer');
}

/** Packs lines into blocks. */
export interface BlockWriter {
  /** Adds a line; returns a block where one is full. */
  add(line: string): Promise<Buffer | undefined>;
  /** The last block, of what was added and not returned yet; `undefined` where that is nothing. */
  flush(): Promise<Buffer | undefined>;
}

export function createBlockWriter(): BlockWriter {
  let lines: string[] = [];
  let characters = 0;
  let checksum = FIRST_CHECKSUM;

  const flush = async (): Promise<Buffer | undefined> => {
    if (lines.length === 0) return undefined;
    const text = Buffer.from(`${lines.join('\n')}\n`);
    lines = [];
    characters = 0;
    // Speed over size: it is the server's processor that also serves clients.
    const packed = await compress(text, { level: 3 });
    checksum = chain(checksum, packed);
    const sizes = Buffer.alloc(4 + TRAILER_BYTES);
    sizes.writeUInt32LE(HEADER_BYTES + packed.length + TRAILER_BYTES, 0);
    sizes.writeUInt32LE(crc32(text), 4);
    sizes.writeUInt32LE(text.length, 8);
    return Buffer.concat([FIXED, EXTRA, sizes.subarray(0, 4), checksum, packed, sizes.subarray(4)]);
  };

  return {
    async add(line) {
      lines.push(line);
      characters += line.length + 1;
      return characters >= BLOCK_CHARACTERS ? await flush() : undefined;
    },
    flush,
  };
}

/** A block as it was read: its lines, and where it stood. */
export interface Block {
  /** Of its first byte. */
  readonly offset: number;
  readonly lines: readonly string[];
}

/**
 * Reads the blocks of a file, as its bytes come; each is proven before it is given out.
 *
 * @throws SnapshotError where a byte is not what was written, or the file ends within a block
 */
export async function* readBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Block, void, undefined> {
  const bytes = createByteReader(source);
  let checksum = FIRST_CHECKSUM;
  for (;;) {
    const { offset } = bytes;
    const header = await bytes.take(HEADER_BYTES);
    if (header.length === 0) return;
    if (header.length < HEADER_BYTES) throw cut(offset);
    const constant = Buffer.concat([FIXED, EXTRA]);
    if (!header.subarray(0, constant.length).equals(constant))
      throw new SnapshotError(offset === 0 ? 'This is no snapshot file' : 'A block is damaged', { offset });
    const size = header.readUInt32LE(constant.length);
    const rest = size - HEADER_BYTES;
    if (rest <= TRAILER_BYTES || rest > MAX_BLOCK_BYTES) throw new SnapshotError('A block is damaged', { offset });
    const body = await bytes.take(rest);
    if (body.length < rest) throw cut(offset);
    const packed = body.subarray(0, rest - TRAILER_BYTES);
    checksum = chain(checksum, packed);
    if (!checksum.equals(header.subarray(constant.length + 4)))
      throw new SnapshotError('A block is damaged, or does not follow the one before it', { offset });
    yield { offset, lines: await unpack(packed, body.subarray(rest - TRAILER_BYTES), offset) };
  }
}

async function unpack(packed: Buffer, trailer: Buffer, offset: number): Promise<string[]> {
  const text = await decompress(packed, { maxOutputLength: MAX_BLOCK_BYTES }).catch(() => undefined);
  if (text === undefined || crc32(text) !== trailer.readUInt32LE(0) || text.length !== trailer.readUInt32LE(4))
    throw new SnapshotError('A block is damaged', { offset });
  // Each line ends with a line feed, which JSON has nowhere else.
  return text.toString().split('\n').slice(0, -1);
}

function cut(offset: number): SnapshotError {
  return new SnapshotError('The file is cut: it ends within a block', { offset });
}

/** Takes bytes by number from chunks as they come. */
function createByteReader(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  let chunks: Uint8Array[] = [];
  let held = 0;
  let offset = 0;
  return {
    /** Of the next byte. */
    get offset() {
      return offset;
    },
    /** So many bytes, or those that are left. */
    async take(count: number): Promise<Buffer> {
      while (held < count) {
        const next = await iterator.next();
        if (next.done === true) break;
        chunks.push(next.value);
        held += next.value.length;
      }
      const all = Buffer.concat(chunks);
      const taken = all.subarray(0, count);
      chunks = all.length > count ? [all.subarray(count)] : [];
      held = all.length - taken.length;
      offset += taken.length;
      return taken;
    },
  };
}
