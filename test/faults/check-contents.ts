import { apply, NOTHING, type CampaignContent } from '../../server/core/stream/apply.ts';
import { parsePosition } from '../../server/core/stream/position.ts';
import { FIRST_TAIL, nextTail } from '../../server/core/stream/hash-chain.ts';
import { canonical } from '../core/naive.ts';
import type { Evidence, Report } from './evidence.ts';
import { digestOf, type ClientLine } from './journal.ts';

/** G2 and G6: one content for each entry, and every state that anyone was shown is the fold of the entries. */
export function checkContents({ held, history, lines, contents }: Evidence, report: Report): void {
  const { campaignId, entries, head, state } = held;

  /** By version, the state of the current timeline as text. */
  const states: string[] = [];
  const seen = new Map<string, { digest: string; line?: ClientLine }>();
  let content = NOTHING;
  let tail = FIRST_TAIL;
  for (const [index, { entry, epoch, bytes, tail: stored }] of entries.entries()) {
    if (entry.version !== index + 1)
      report('G8', `Postgres holds version ${entry.version} of ${campaignId} where ${index + 1} should be`, []);
    if (history.owner(head.epoch, entry.version) !== epoch) {
      report('G2', `version ${entry.version} of ${campaignId} is of epoch ${epoch}, which the lineage contradicts`, []);
    }
    tail = nextTail(tail, bytes);
    if (tail !== stored)
      report('G2', `the tail of version ${entry.version} of ${campaignId} is not the hash of its timeline`, []);
    content = apply(content, entry);
    states[entry.version] = canonical(content.state);
    seen.set(`${epoch}:${entry.version}`, { digest: digestOf(entry) });
  }
  if (head.version !== entries.length || head.tail !== tail)
    report('G6', `the head of ${campaignId} is not that of its entries`, []);
  if (states[head.version] !== canonical(state))
    report('G6', `the stored state of ${campaignId} is not the fold of its entries`, []);
  if (content.archivedAt !== held.archivedAt)
    report('G6', `the stored archivedAt of ${campaignId} is not that of its entries`, []);
  for (const { version, state: kept } of held.checkpoints) {
    if (states[version] !== canonical(kept))
      report('G6', `the checkpoint ${version} of ${campaignId} is not the fold of its entries`, []);
  }

  const compare = (shown: unknown, position: string, line: ClientLine): void => {
    const at = parsePosition(position);
    if (at && history.survives(at.epoch, at.version) && canonical(shown) !== states[at.version]) {
      report(
        'G6',
        `${line.client} was shown a state of ${campaignId} at ${position} that is not the fold of the entries`,
        [line],
      );
    }
  };

  for (const [, own] of Map.groupBy(lines, (line) => line.client)) {
    let folded: { content: CampaignContent; position: string; line: ClientLine } | undefined;
    for (const line of own) {
      if (line.kind === 'snapshot' || line.kind === 'final') {
        // States are compared and folded, never changed: plain JSON, whatever its type says.
        const shown = line.state as CampaignContent['state'] | undefined;
        if (shown) compare(shown, line.position, line);
        folded = shown && { content: { state: shown, archivedAt: undefined }, position: line.position, line };
      } else if (line.kind === 'entries') {
        for (const { version, digest } of line.entries) {
          const key = `${history.owner(line.epoch, version)}:${version}`;
          const first = seen.get(key);
          if (!first) seen.set(key, { digest, line });
          else if (first.digest !== digest) {
            report(
              'G2',
              `${line.client} saw another content of ${campaignId} ${key}`,
              first.line ? [first.line, line] : [line],
            );
          }
          const entry = contents.get(digest);
          if (folded && entry && !line.cut)
            folded = { content: apply(folded.content, entry), position: `${line.epoch}:${version}`, line };
        }
        if (line.cut) folded = undefined;
      }
    }
    if (folded) compare(folded.content.state, folded.position, folded.line);
  }
}
