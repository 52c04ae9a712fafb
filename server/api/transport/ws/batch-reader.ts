import { parseExactJson } from '../exact-json.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
/** The largest byte that is white space in JSON. */
const SPACE = 0x20;

/** One message of a batch. */
export interface BatchMessage {
  /** Its value; `undefined` where it is no JSON. */
  readonly message: unknown;
  readonly isMalformed: boolean;
}

/** Whether a text frame holds several messages, as far as its first character tells. */
export function isBatch(data: Buffer): boolean {
  let position = 0;
  while ((data[position] ?? OPENING_BRACKET) <= SPACE) position += 1;
  return data[position] === OPENING_BRACKET;
}

/**
 * Reads the messages of a large batch a piece at a time: first where each of them begins and ends, then one after the
 * other. `JSON.parse` of a frame of a megabyte takes 10 ms and more, in which nothing else happens.
 *
 * Only brackets and strings are looked at first, so that a message which is no JSON is noticed when it is read.
 */
export class BatchReader {
  readonly #data: Buffer;
  /** Where each message ends; the next begins one byte behind it. */
  readonly #ends: number[] = [];
  /** Where the scan is. */
  #position: number;
  #depth = 1;
  #isInString = false;
  /** Messages that were taken, and where the next begins. */
  #taken = 0;
  #nextBegin: number;
  #peeked: BatchMessage | undefined;

  /** @param data bytes for which {@link isBatch} is true */
  constructor(data: Buffer) {
    this.#data = data;
    this.#position = data.indexOf(OPENING_BRACKET) + 1;
    this.#nextBegin = this.#position;
  }

  /**
   * Scans the next bytes.
   *
   * @returns `more` where it has to be called again; `malformed` where the brackets do not fit
   */
  scan(bytes: number): 'more' | 'complete' | 'malformed' {
    const data = this.#data;
    const end = Math.min(data.length, this.#position + bytes);
    let position = this.#position;
    for (; position < end && this.#depth > 0; position += 1) {
      const byte = data[position];
      if (this.#isInString) {
        if (byte === BACKSLASH) position += 1;
        else if (byte === QUOTE) this.#isInString = false;
      } else if (byte === QUOTE) this.#isInString = true;
      else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) this.#depth += 1;
      else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
        this.#depth -= 1;
        if (this.#depth > 0) continue;
        if (byte === CLOSING_BRACE) return 'malformed';
        this.#ends.push(position);
      } else if (byte === COMMA && this.#depth === 1) this.#ends.push(position);
    }
    this.#position = position;
    if (this.#depth === 0) return this.#isBlank(position, data.length) ? this.#complete() : 'malformed';
    return position < data.length ? 'more' : 'malformed';
  }

  /** Messages in the batch, once it has been scanned whole. */
  get count(): number {
    return this.#ends.length;
  }

  /** Bytes of the next message; `undefined` where all have been taken. */
  get nextBytes(): number | undefined {
    const end = this.#ends[this.#taken];
    return end === undefined ? undefined : end - this.#nextBegin;
  }

  /** The next message; `undefined` where all have been taken. */
  peek(): BatchMessage | undefined {
    const end = this.#ends[this.#taken];
    if (end === undefined) return undefined;
    return (this.#peeked ??= parse(this.#data.toString('utf8', this.#nextBegin, end)));
  }

  /** Goes on to the message behind the next. */
  take(): void {
    this.#nextBegin = (this.#ends[this.#taken] ?? this.#nextBegin) + 1;
    this.#taken += 1;
    this.#peeked = undefined;
  }

  #complete(): 'complete' {
    // An empty batch has no message, and not an empty one.
    const [end] = this.#ends;
    if (this.#ends.length === 1 && end !== undefined && this.#isBlank(this.#nextBegin, end)) this.#ends.length = 0;
    return 'complete';
  }

  #isBlank(from: number, to: number): boolean {
    for (let position = from; position < to; position += 1) if ((this.#data[position] ?? 0) > SPACE) return false;
    return true;
  }
}

function parse(text: string): BatchMessage {
  try {
    return { message: parseExactJson(text), isMalformed: false };
  } catch {
    return { message: undefined, isMalformed: true };
  }
}
