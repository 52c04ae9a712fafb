import type { Result } from './result.ts';

/** Names as people write them. */
const NAMES: Readonly<Record<string, string>> = {
  'ours-iterator': 'ours, iterator',
  'ours-receipts': 'ours, with receipts',
  'ours-compressed': 'ours, compressed',
  'ours-plain': 'ours, not compressed',
  'ours-embedded': 'ours, on PGlite',
  'raw-ws': 'raw ws',
  'raw-ws-token': 'raw ws + token',
  'redis-ws': 'ioredis + ws',
  'redis-script-ws': 'raw ws + script',
  'stock-trpc': 'tRPC',
  'socket.io': 'Socket.IO',
  hocuspocus: 'Hocuspocus',
  colyseus: 'Colyseus',
  'bare-insert': 'INSERT + COMMIT',
  'at-the-start': 'at the start',
  undisturbed: 'undisturbed',
  'one-process': 'one process',
  'the-origin': 'the origin',
  'ours-chain': 'a chain of two',
  pg_dump: 'pg_dump, pg_restore',
};

export function nameOf(peer: string): string {
  return NAMES[peer] ?? peer;
}

/** Three digits that count. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function verdict({ holds, noise, rounds }: Result): string {
  if (holds === null) return '';
  const word = `${holds ? 'yes' : '**no**'}${rounds === 1 ? ', in one round' : ''}`;
  return noise.length === 0 ? word : `${word}, but noise: ${noise.map(withNames).join(', ')}`;
}

function withNames(target: string): string {
  const [bound, peer] = target.split(' × ');
  return peer === undefined ? target : `${bound} × ${nameOf(peer)}`;
}

/** Half the distance of the quartiles. */
function deviation(spread: number | null): string {
  return spread === null ? 'one round' : `± ${Math.round(spread * 50)} %`;
}

function peersOf({ peers, ratio }: Result): string {
  return Object.entries(peers)
    .map(
      ([peer, value]) =>
        `${nameOf(peer)} ${figure(value)} (${figure(ratio[peer as keyof typeof ratio] ?? Number.NaN)} ×)`,
    )
    .join(' · ');
}

/** As Markdown. */
export function toMarkdown(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const { title, unit, ours, target, spread, rounds, mode } = result;
    const cells = [
      title,
      `${figure(ours)} ${unit}`,
      peersOf(result),
      target.split(', ').map(withNames).join('<br>'),
      verdict(result),
      deviation(spread),
      `${rounds}${mode === 'quick' ? ', quick' : ''}`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| | ours | beside it (ours by theirs) | target | reached | spread | rounds |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** For a terminal. */
export function toText(results: readonly Result[]): string {
  return results
    .map((result) => {
      const reached = result.holds === null ? ' ' : result.holds ? '✓' : '✗';
      const noise = result.noise.length > 0 ? `  (noise: ${result.noise.join(', ')})` : '';
      const target = result.target === '' ? '' : `  target ${result.target}${noise}`;
      const beside = peersOf(result);
      return [
        `${reached} ${result.title.padEnd(74)} ${`${figure(result.ours)} ${result.unit}`.padStart(12)}  ${deviation(result.spread)}${target}`,
        ...(beside === '' ? [] : [`    ${beside}`]),
      ].join('\n');
    })
    .join('\n');
}
