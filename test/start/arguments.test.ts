import { expect, test } from 'vitest';
import { readArguments } from '../../server/cli/commands/read-arguments.ts';

const OPTIONS = { at: { type: 'string' }, now: { type: 'boolean' }, path: { type: 'string', multiple: true } } as const;
const POSITION = '-cWWWWWWW:418';

test.each([
  ['by itself', ['summer', POSITION, '--path', 'about', '--now'], { path: ['about'], now: true }, ['summer', POSITION]],
  ['behind an option', ['--at', POSITION, 'summer'], { at: POSITION }, ['summer']],
  ['behind a switch', ['--now', POSITION], { now: true }, [POSITION]],
  ['after the end of options', ['summer', '--', POSITION], {}, ['summer', POSITION]],
])('F22 a position that begins with a dash is a value: %s', (_, args, values, positionals) => {
  const read = readArguments(args, OPTIONS);
  expect({ ...read.values }).toEqual(values);
  expect(read.positionals).toEqual(positionals);
});
