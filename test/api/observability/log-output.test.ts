import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogOutput } from '../../../server/api/observability/log-output.ts';
import type { OutputFile } from '../../../server/api/observability/log-output.ts';

interface FakeFile extends OutputFile {
  /** What has been written. */
  text: string;
  /** The code of the error that every write fails with; `undefined`: it succeeds. */
  error: string | undefined;
  /** Bytes that one write takes at most. */
  takes: number;
  attempts: number;
}

function fakeFile(): FakeFile {
  const file: FakeFile = {
    text: '',
    error: undefined,
    takes: Number.POSITIVE_INFINITY,
    attempts: 0,
    writeSync(data) {
      file.attempts += 1;
      if (file.error !== undefined) throw Object.assign(new Error(file.error), { code: file.error });
      const written = data.subarray(0, file.takes);
      file.text += written.toString();
      return written.length;
    },
    write(data, callback) {
      setImmediate(() => {
        try {
          callback(null, file.writeSync(data));
        } catch (error) {
          callback(error as NodeJS.ErrnoException, 0);
        }
      });
    },
  };
  return file;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('H30 lines are written in order, also where a write takes a part of them', async () => {
  const file = fakeFile();
  file.takes = 3;
  const output = createLogOutput({ file });
  for (const line of ['one\n', 'zwei\n', 'drei ü\n']) output.write(line);
  await vi.runAllTimersAsync();
  expect(file.text).toBe('one\nzwei\ndrei ü\n');
  expect(output.droppedLines).toBe(0);
});

test('H30 beyond the buffer lines are dropped and counted, and the next line that is written says how many', async () => {
  const file = fakeFile();
  file.error = 'EAGAIN';
  const output = createLogOutput({ file, maxBufferedBytes: 40 });
  for (let line = 0; line < 10; line += 1) output.write(`line ${line} ...\n`);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(output.droppedLines).toBe(7);
  file.error = undefined;
  await vi.advanceTimersByTimeAsync(1_000);
  const lines = file.text.trimEnd().split('\n');
  expect(lines.slice(0, 3)).toEqual(['line 0 ...', 'line 1 ...', 'line 2 ...']);
  expect(JSON.parse(lines[3] ?? '')).toMatchObject({ level: 40, lines: 7, msg: expect.stringContaining('dropped') });
  output.write('after\n');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(file.text.endsWith('after\n')).toBe(true);
  expect(lines).toHaveLength(4);
});

test('H30 an error of the output, such as a full disk, ends nothing: writing goes on with a new line', async () => {
  const file = fakeFile();
  file.takes = 2;
  const output = createLogOutput({ file });
  output.write('first line\n');
  await vi.advanceTimersByTimeAsync(0);
  file.error = 'ENOSPC';
  await vi.advanceTimersByTimeAsync(10_000);
  file.error = undefined;
  file.takes = 1_000;
  output.write('second line\n');
  await vi.advanceTimersByTimeAsync(10_000);
  const [partial, second, report] = file.text.split('\n');
  expect(partial?.length).toBeLessThan('first line'.length);
  expect(JSON.parse(report ?? '')).toMatchObject({ lines: 1 });
  expect(second).toBe('second line');
});

test.each(['EPIPE', 'EIO', 'EAGAIN'])('H30 the flush at exit is bounded: %s', async (code) => {
  const file = fakeFile();
  file.error = code;
  const output = createLogOutput({ file });
  output.write('last words\n');
  await vi.advanceTimersByTimeAsync(10);
  output.write('more\n');
  const startedAt = performance.now();
  output.flushSync();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test('H30 a closed pipe is not written to again, and its lines are counted as dropped', async () => {
  const file = fakeFile();
  file.error = 'EPIPE';
  const output = createLogOutput({ file });
  for (let line = 0; line < 5; line += 1) output.write('line\n');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(output.droppedLines).toBe(5);
  const { attempts } = file;
  output.write('line\n');
  await vi.advanceTimersByTimeAsync(10_000);
  output.flushSync();
  expect(output.droppedLines).toBe(6);
  expect(file.attempts).toBe(attempts);
});
