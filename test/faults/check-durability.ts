import { parsePosition } from '../../server/core/stream/position.ts';
import type { Evidence, Report } from './evidence.ts';
import type { ClientLine } from './journal.ts';

interface Claim {
  at: number;
  epoch: string;
  version: number;
  line: ClientLine;
}

/** G4 and G8: whatever was called durable is in Postgres, in the end and from that very moment on. */
export function checkDurability({ held, history, lines }: Evidence, report: Report): void {
  const { campaignId } = held;
  const kept = new Set(held.entries.map(({ entry }) => entry.mutationId));
  const looks = lines.filter((line) => line.kind === 'held').sort((a, b) => a.askedAt - b.askedAt);
  const claims: Claim[] = [];
  for (const line of lines) {
    const position = claimed(line);
    if (position && position.version > 0) claims.push({ ...position, at: line.at, line });
    if (line.kind !== 'answered' || line.receipt.durability !== 'durable' || !line.receipt.changed) continue;
    if (!kept.has(line.mutationId))
      report('G4', `${line.mutationId} was answered durable and is not in Postgres`, [line]);
  }
  let next = 0;
  for (const { at, epoch, version, line } of claims) {
    while (next < looks.length && (looks[next]?.askedAt ?? 0) < at) next += 1;
    const look = looks[next];
    if (!look) return;
    if (look.version < version || history.owner(look.epoch, version) !== history.owner(epoch, version)) {
      report(
        'G8',
        `${epoch}:${version} of ${campaignId} was called durable, and Postgres then held ${look.epoch}:${look.version}`,
        [line, look],
      );
    }
  }
}

function claimed(line: ClientLine): { epoch: string; version: number } | undefined {
  if (line.kind === 'watermark') return parsePosition(line.position);
  if (line.kind === 'answered' && line.receipt.durability === 'durable')
    return { epoch: line.receipt.epoch, version: line.receipt.version };
  const at = line.kind === 'snapshot' ? parsePosition(line.position) : undefined;
  return at && line.kind === 'snapshot' ? { epoch: at.epoch, version: line.durableVersion } : undefined;
}
