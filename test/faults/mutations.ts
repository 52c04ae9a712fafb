import type { Command } from '../../server/core/commands/command.ts';
import type { Receipt } from '../../server/core/stream/entry.ts';
import type { ClientLine, Line } from './journal.ts';

/** All that the journals say of one mutation. */
export interface MutationStory {
  mutationId: string;
  campaignId: string;
  client: string;
  /** What it was to change; `undefined` where the journal does not say. */
  command: Command | undefined;
  /** When it was sent for the first time. */
  sentAt: number;
  /** It was sent once, on one way, and answered. */
  once: boolean;
  answers: { at: number; receipt: Receipt }[];
  /** Why it was refused for good, if it was. */
  refused: string | undefined;
}

/** The story of every mutation, in the order in which they were first sent. */
export function mutationStories(lines: readonly Line[]): MutationStory[] {
  const stories = new Map<string, MutationStory>();
  for (const line of lines) {
    if (!isOfMutation(line)) continue;
    const { mutationId, campaignId, client, at } = line;
    const key = `${campaignId} ${mutationId}`;
    const story = stories.get(key) ?? {
      mutationId,
      campaignId,
      client,
      command: line.kind === 'sent' ? line.command : undefined,
      sentAt: at,
      once: true,
      answers: [],
      refused: undefined,
    };
    stories.set(key, story);
    if (line.kind === 'sent' && line.attempt > 1) story.once = false;
    else if (line.kind === 'answered') story.answers.push({ at, receipt: line.receipt });
    else if (line.kind === 'refused' && line.final) story.refused = line.reason;
  }
  return [...stories.values()];
}

/** It was answered to be without effect; where it is in the history all the same, a delayed copy of it had one. */
export function isLateCopy({ answers }: MutationStory): boolean {
  return answers.length > 0 && answers.every(({ receipt }) => !receipt.changed);
}

type MutationLine = Extract<ClientLine, { mutationId: string }>;

function isOfMutation(line: Line): line is MutationLine {
  return 'mutationId' in line;
}
