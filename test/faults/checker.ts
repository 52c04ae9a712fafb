import { checkContents } from './check-contents.ts';
import { checkDurability } from './check-durability.ts';
import { checkMutations } from './check-mutations.ts';
import { checkOrder } from './check-order.ts';
import { checkStreams } from './check-streams.ts';
import { gather, type Report } from './evidence.ts';
import type { HeldCampaign } from './held.ts';
import type { Journal, Line } from './journal.ts';

/** A guarantee that did not hold, with what the journals say of it. */
export interface Violation {
  rule: string;
  message: string;
  lines: Line[];
}

/** Reads every journal and Postgres, and says which guarantees did not hold. Pure. */
export function check(
  { lines, contents }: Pick<Journal, 'lines' | 'contents'>,
  held: readonly HeldCampaign[],
): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (rule, message, about) => void violations.push({ rule, message, lines: [...about] });
  for (const evidence of gather({ lines, contents }, held)) {
    checkStreams(evidence, report);
    checkContents(evidence, report);
    checkMutations(evidence, report);
    checkOrder(evidence, report);
    checkDurability(evidence, report);
  }
  return violations;
}
