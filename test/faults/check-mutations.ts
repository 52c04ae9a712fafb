import { linesAbout, lostMutations, type Evidence, type Report } from './evidence.ts';
import type { ClientLine } from './journal.ts';
import type { MutationStory } from './mutations.ts';

/** G3 and G5: what became of each mutation. */
export function checkMutations(evidence: Evidence, report: Report): void {
  const { held, history, lines, stories, contents } = evidence;
  const { campaignId } = held;
  const about = (story: MutationStory): ClientLine[] => linesAbout(story, lines);
  const versions = new Map(held.entries.map(({ entry }) => [entry.mutationId, entry.version]));

  /** Where each id was seen: by whom does not matter. */
  const places = new Map<string, Set<string>>();
  const place = (mutationId: string, epoch: string | undefined, version: number): void => {
    const set = places.get(mutationId) ?? new Set();
    places.set(mutationId, set.add(`${epoch}:${version}`));
  };
  for (const { entry, epoch } of held.entries) place(entry.mutationId, epoch, entry.version);
  for (const line of lines) {
    if (line.kind !== 'entries') continue;
    for (const { version, digest } of line.entries) {
      const entry = contents.get(digest);
      if (entry) place(entry.mutationId, history.owner(line.epoch, version), version);
    }
  }
  for (const [mutationId, seen] of places) {
    const epochs = [...seen].map((position) => position.split(':')[0]);
    if (new Set(epochs).size === epochs.length) continue;
    const own = stories.find((story) => story.mutationId === mutationId);
    report(
      'G3',
      `${mutationId} was applied twice in one epoch of ${campaignId}: ${[...seen].join(', ')}`,
      own ? about(own) : [],
    );
  }

  for (const story of stories) {
    const { mutationId, answers, refused, client } = story;
    const version = versions.get(mutationId);
    if (answers.length === 0 && refused === undefined)
      report('G5', `${mutationId} on ${campaignId} was never answered`, about(story));
    if (refused !== undefined && answers.length === 0 && version !== undefined) {
      report(
        'G3',
        `${mutationId} on ${campaignId} was refused for good (${refused}) and is version ${version}`,
        about(story),
      );
    }
    for (const { receipt } of answers) {
      if (!receipt.changed || !history.survives(receipt.epoch, receipt.version)) continue;
      if (version !== receipt.version) {
        report(
          'G3',
          `${client} was told that ${mutationId} is ${receipt.position} of ${campaignId}; there is another change`,
          about(story),
        );
      }
    }
  }

  checkLost(evidence, report, about);
}

function checkLost(evidence: Evidence, report: Report, about: (story: MutationStory) => ClientLine[]): void {
  const { held, lines, faults } = evidence;
  const disowned = new Set(
    lines.flatMap((line) => (line.kind === 'disowned' && line.reason === 'NOT_FOUND' ? [line.mutationId] : [])),
  );
  for (const story of lostMutations(evidence)) {
    const { mutationId, answers, client } = story;
    const acknowledgedAt = Math.min(...answers.map(({ at }) => at));
    const what = `${mutationId} of ${client} on ${held.campaignId} was acknowledged and is lost`;
    if (client.startsWith('sdk')) report('G5', `${what}, though its client lives`, about(story));
    else if (!faults.some(({ losesLog, phase, at }) => losesLog && phase === 'ends' && at >= acknowledgedAt)) {
      report('G5', `${what}, though Redis has lost nothing since`, about(story));
    } else if (!disowned.has(mutationId)) report('G5', `${what}, and its position is not disowned`, about(story));
  }
}
