import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Violation } from './checker.ts';
import { show } from './journal.ts';
import type { Recovery } from './recovery.ts';
import type { RunResult } from './run.ts';

const LINES_SHOWN = 30;

/** What a run came to, for a person. */
export function describeRun({ counts, violations, recoveries, snapshots: taken }: RunResult): string {
  const { snapshots, ...figures } = counts;
  const doubled = violations.filter(({ rule }) => rule === 'G3').length;
  const holes = violations.filter(({ rule }) => rule === 'G1').length;
  const row = (name: string, value: number | string): string => `  ${name.padEnd(50)} ${value}`;
  return [
    'mutations and entries',
    row('sent', figures.sent),
    row('accepted', figures.accepted),
    row('without effect', figures.unchanged),
    row('refused for good', figures.refused),
    row('known durable', figures.durable),
    row('lost with report', figures.lostWithReport),
    row('  of these named in a reset', figures.namedInResets),
    row('doubled', doubled),
    row('without effect at first, applied by a late copy', figures.lateCopies),
    row('entries in Postgres', figures.entries),
    row('epochs ended', figures.epochs),
    'streams',
    row('events', figures.eventsSeen),
    row('entries', figures.entriesSeen),
    row('holes', holes),
    ...Object.entries(snapshots).map(([reason, count]) => row(`snapshots: ${reason}`, count)),
    ...(taken
      ? [
          'snapshots of the service, each compared with the fold of history',
          row('asked for (cut by a fault)', `${taken.asked} (${taken.cut})`),
          row('by themselves (increments)', `${taken.periodic} (${taken.increments})`),
          row('restored: embedded, Postgres, embedded', taken.restored),
        ]
      : []),
    'from the end of a fault until every campaign took a change, ms (until every client had one taken)',
    ...[...recoveries].map(([name, list]) => row(name, list.map(inMilliseconds).join('  '))),
  ].join('\n');
}

function inMilliseconds({ campaigns, clients }: Recovery): string {
  return `${Math.round(campaigns)} (${Math.round(clients)})`;
}

export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(({ rule, message, lines }) =>
      [`${rule}: ${message}`, ...lines.slice(0, LINES_SHOWN).map((line) => `    ${show(line)}`)].join('\n'),
    )
    .join('\n');
}

/** Leaves journals and logs behind for whoever looks into a failure; says where. */
export function keepRecords(seed: number, { journal, logs }: Pick<RunResult, 'journal' | 'logs'>): string {
  const folder = join(tmpdir(), `campaign-state-faults-${seed}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'journal.txt'), journal.lines.map(show).join('\n'));
  for (const [instance, lines] of Object.entries(logs))
    writeFileSync(join(folder, `${instance}.txt`), lines.join('\n'));
  return folder;
}
