/** Ends the process with exit code 1 and one sentence for people on stderr. */
export function giveUp(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
