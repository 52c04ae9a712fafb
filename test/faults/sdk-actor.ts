import { setTimeout as pause } from 'node:timers/promises';
import { CampaignError, createCampaignClient, type Campaign, type Change } from '../../client-sdk/src/index.ts';
import type { EditCommand } from '../../server/core/commands/command.ts';
import type { Entry, ViewEntry } from '../../server/core/stream/entry.ts';
import { parsePosition } from '../../server/core/stream/position.ts';
import type { Actor, ActorOptions } from './actor.ts';
import { randomEdit } from './edits.ts';

/** Edits that may be under way in one campaign before this client waits: a person would too. */
const UNDER_WAY = 30;

/** A client of the SDK: it edits without waiting, and leaves everything else to it. */
export function startSdkActor({ name, link, journal, random, campaigns, watched, pace }: ActorOptions): Actor {
  const client = createCampaignClient({ url: `http://127.0.0.1:${link.port}` });
  const stops: (() => void)[] = [];
  let stopped = false;
  let marks = 0;

  const note = (campaignId: string, change: Change, command: EditCommand): void => {
    const { mutationId } = change;
    journal.note(name, campaignId, { kind: 'sent', mutationId, command, attempt: 1 });
    for (const answer of [change, change.durable]) {
      answer.then(
        (receipt) => journal.note(name, campaignId, { kind: 'answered', mutationId, receipt }),
        (error: unknown) => {
          if (!(error instanceof CampaignError)) throw error;
          journal.note(name, campaignId, {
            kind: 'refused',
            mutationId,
            reason: error.reason,
            message: error.message,
            final: true,
          });
        },
      );
    }
  };

  const edit = (campaignId: string): void => {
    const campaign = client.campaign(campaignId);
    if (campaign.getSnapshot().sync.unsavedCount >= UNDER_WAY) return;
    const command = randomEdit(random, name, (marks += 1));
    note(campaignId, send(campaign, command), command);
  };

  const write = async (): Promise<void> => {
    while (!stopped) {
      await pause(pace * 2 * random.next());
      const campaignId = random.pick(campaigns);
      // Some in one go: they travel together.
      for (let left = random.chance(0.2) ? random.int(2, 5) : 1; left > 0 && !stopped; left -= 1) edit(campaignId);
    }
  };

  const saved = async (): Promise<void> => {
    for (const campaignId of campaigns) {
      while (client.campaign(campaignId).getSnapshot().sync.unsavedCount > 0) await pause(50);
    }
  };

  for (const campaignId of watched) {
    const campaign = client.campaign(campaignId);
    stops.push(campaign.subscribe(observer(name, campaignId, campaign, journal)));
  }
  const written = write();

  return {
    name,
    link,
    watched,
    position: (campaignId) => client.campaign(campaignId).getSnapshot().position,
    async settle() {
      stopped = true;
      await written;
      await saved();
    },
    conclude() {
      for (const campaignId of watched) {
        const { position = 'none', state } = client.campaign(campaignId).getSnapshot();
        journal.note(name, campaignId, { kind: 'final', position, state });
      }
    },
    close() {
      stopped = true;
      for (const stop of stops) stop();
      client.close();
      return Promise.resolve();
    },
  };
}

function send(campaign: Campaign, command: EditCommand): Change {
  switch (command.type) {
    case 'update':
      return campaign.update(command.updates);
    case 'updateFeatures':
      return campaign.updateFeatures(command.features, command.action);
    case 'updateConfig':
      return campaign.updateConfig('ui_content', command.value, command.mode);
    case 'batch':
      return campaign.batch((batch) => {
        for (const part of command.commands) {
          if (part.type === 'update') batch.update(part.updates);
          else if (part.type === 'updateFeatures') batch.updateFeatures(part.features, part.action);
          else batch.updateConfig('ui_content', part.value, part.mode);
        }
      });
  }
}

/** Reads the stream's events off what the SDK shows after each of them. */
function observer(name: string, campaignId: string, campaign: Campaign, journal: ActorOptions['journal']): () => void {
  let before = campaign.getSnapshot();
  return () => {
    const now = campaign.getSnapshot();
    const at = parsePosition(now.position ?? '');
    if (now.position === undefined || !at) return;
    if (now.position !== before.position || now.recentEntries !== before.recentEntries) {
      const fresh = now.recentEntries.filter(({ version }) => version > before.version);
      const begins =
        before.position === undefined || (now.recentEntries.length === 0 && now.recentEntries !== before.recentEntries);
      if (begins || fresh.length === 0) {
        const { position, durableVersion, state } = now;
        const own = now.sync.unsavedCount > 0;
        journal.note(name, campaignId, {
          kind: 'snapshot',
          position,
          durableVersion,
          reason: 'sdk',
          ...(!own && { state }),
        });
      } else {
        const entries = fresh.map((entry) => journal.see(named(entry)));
        const cut = fresh[0]?.version === before.version + 1 ? {} : ({ cut: true } as const);
        journal.note(name, campaignId, { kind: 'entries', epoch: at.epoch, entries, ...cut });
      }
    } else if (now.durableVersion > before.durableVersion) {
      journal.note(name, campaignId, { kind: 'watermark', position: `${at.epoch}:${now.durableVersion}` });
    }
    before = now;
  };
}

function named(entry: Entry | ViewEntry): Entry {
  if ('mutationId' in entry) return entry;
  throw new Error('a caller with all rights was given a restricted view');
}
