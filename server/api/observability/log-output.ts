import { write, writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** The two calls of the file system that the output needs; replaced in tests. */
export interface OutputFile {
  /** Writes at most `data`, and reports how many bytes were written. */
  write(data: Buffer, callback: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  /** @returns how many bytes were written; throws the system's error */
  writeSync(data: Buffer): number;
}

/** Options of {@link createLogOutput}. */
export interface LogOutputOptions {
  readonly file: OutputFile;
  /** Bytes of lines that may wait to be written; further lines are dropped. Default 4 MiB. */
  readonly maxBufferedBytes?: number;
}

/** A destination of log lines that never blocks the process and never ends it. */
export interface LogOutput extends DestinationStream {
  /** Lines that were dropped since the start, because the output is not read or cannot be written. */
  readonly droppedLines: number;
  /** Writes the waiting lines, for at most half a second; for the exit of the process. */
  flushSync(): void;
}

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Bytes of one write; a container runtime splits longer ones. */
const WRITE_BYTES = 16 * 1024;

/** The pause before a full pipe is tried again, in milliseconds. */
const FULL_PIPE_RETRY_MS = 100;

/** The pause before an output with an error, such as a full disk, is tried again, in milliseconds. */
const ERROR_RETRY_MS = 1_000;

/** The time limit for the last lines at the exit of the process, in milliseconds. */
const EXIT_TIMEOUT_MS = 500;

/** The pause between two attempts at exit, in milliseconds. */
const EXIT_RETRY_MS = 20;

/**
 * A log output with a bounded buffer: a paused terminal, a stuck collector, a closed pipe and a full disk must hold up
 * neither the service nor its exit. Lines that cannot be written are dropped and counted, and the next line that is
 * written says how many. pino's own destination (sonic-boom 4) is not used, because at exit it retries a closed pipe
 * for ever, and because an error other than `EPIPE` ends the process.
 */
export function createLogOutput({ file, maxBufferedBytes = MAX_BUFFERED_BYTES }: LogOutputOptions): LogOutput {
  /** Lines that wait, each with its newline. */
  let waiting: string[] = [];
  let waitingBytes = 0;
  /** The rest of the chunk that is being written. */
  let chunk: Buffer | undefined;
  /** Lines of that chunk, but for the one that reports dropped lines. */
  let chunkLines = 0;
  /** Dropped lines that the chunk reports. */
  let chunkReports = 0;
  /** Whether the last byte that was written is within a line. */
  let isWithinLine = false;
  let isWriting = false;
  /** Whether the system has been given the chunk, and has not answered yet. */
  let isInFlight = false;
  let isClosed = false;
  let dropped = 0;
  let reported = 0;

  function nextChunk(): Buffer | undefined {
    if (isClosed) return undefined;
    let bytes = 0;
    chunkLines = 0;
    while (chunkLines < waiting.length && bytes < WRITE_BYTES) bytes += waiting[chunkLines++]?.length ?? 0;
    let text = waiting.splice(0, chunkLines).join('');
    // Lines are dropped while others wait, and belong behind these.
    chunkReports = waiting.length === 0 ? dropped - reported : 0;
    reported += chunkReports;
    if (chunkReports > 0) text += droppedLine(chunkReports);
    if (text === '') return undefined;
    return Buffer.from(isWithinLine ? `\n${text}` : text);
  }

  function advance(written: number): void {
    if (!chunk || written === 0) return;
    isWithinLine = chunk[written - 1] !== 0x0a;
    waitingBytes = Math.max(0, waitingBytes - written);
    chunk = written < chunk.length ? chunk.subarray(written) : undefined;
  }

  /** Gives up the chunk, and with a closed pipe every line from now on. */
  function dropChunk(error: NodeJS.ErrnoException): void {
    waitingBytes = Math.max(0, waitingBytes - (chunk?.length ?? 0));
    chunk = undefined;
    dropped += chunkLines;
    reported -= chunkReports;
    if (error.code !== 'EPIPE') return;
    isClosed = true;
    dropped += waiting.length;
    waiting = [];
    waitingBytes = 0;
  }

  function writeNext(): void {
    chunk ??= nextChunk();
    isWriting = chunk !== undefined;
    if (!chunk) return;
    isInFlight = true;
    file.write(chunk, (error, written) => {
      isInFlight = false;
      if (!error) {
        advance(written);
        return writeNext();
      }
      const isFull = isRetryable(error);
      if (!isFull) dropChunk(error);
      setTimeout(writeNext, isFull ? FULL_PIPE_RETRY_MS : ERROR_RETRY_MS).unref();
    });
  }

  return {
    get droppedLines() {
      return dropped;
    },

    write(line) {
      const bytes = Buffer.byteLength(line);
      if (isClosed || waitingBytes + bytes > maxBufferedBytes) {
        dropped += 1;
        return;
      }
      waiting.push(line);
      waitingBytes += bytes;
      if (!isWriting) writeNext();
    },

    flushSync() {
      const deadline = performance.now() + EXIT_TIMEOUT_MS;
      // The system writes it, or has done so already.
      if (isInFlight) chunk = undefined;
      while ((chunk ??= nextChunk()) && performance.now() < deadline) {
        try {
          advance(file.writeSync(chunk));
        } catch (error) {
          if (!isRetryable(error)) return;
          sleep(EXIT_RETRY_MS);
        }
      }
    },
  };
}

/**
 * Stdout, made non-blocking: a write that blocks would hold a thread of the pool, and with it the exit of the process.
 */
export function openStdout(): OutputFile {
  // Reading the property opens the stream, which sets a pipe, a socket or a terminal to non-blocking.
  const { fd } = process.stdout;
  return {
    write: (data, callback) => write(fd, data, callback),
    writeSync: (data) => writeSync(fd, data),
  };
}

/** A full pipe, whose reader may read on. */
function isRetryable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EBUSY');
}

/** pino's format, at the level `warn`. */
function droppedLine(lines: number): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: 40, time, lines, msg: 'log lines were dropped: the output is not read' })}\n`;
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
