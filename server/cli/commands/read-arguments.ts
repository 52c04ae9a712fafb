import { parseArgs, type ParseArgsConfig } from 'node:util';
import { parsePosition } from '../../core/stream/position.ts';
import { giveUp } from './explain.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true; strict: true }>
>;

/**
 * The arguments of a command; what it does not know ends the process, with one sentence.
 *
 * A position may begin with a dash, as an epoch is random: it is taken for the value that it is, behind an option or by
 * itself, and never for an option.
 */
export function readArguments<O extends Options>(
  args: readonly string[],
  options: O,
  allowPositionals = true,
): Parsed<O> {
  try {
    return parseArgs({ args: withoutDashes(args, options), options, allowPositionals, strict: true });
  } catch (error) {
    giveUp(error instanceof Error ? error.message : String(error));
  }
}

/** The same arguments, with each position that begins with a dash where nobody takes it for an option. */
function withoutDashes(args: readonly string[], options: Options): string[] {
  const before: string[] = [];
  const positions: string[] = [];
  for (const argument of args) {
    const previous = before.at(-1);
    if (!argument.startsWith('-') || !parsePosition(argument)) before.push(argument);
    else if (previous?.startsWith('--') && options[previous.slice(2)]?.type === 'string')
      before[before.length - 1] = `${previous}=${argument}`;
    else positions.push(argument);
  }
  if (positions.length === 0) return before;
  return before.includes('--') ? [...before, ...positions] : [...before, '--', ...positions];
}
