import type { Logger } from 'pino';
import type { Identity } from '../core/permissions.ts';
import type { ReplicaService } from '../engine/service.ts';
import { NO_FOLDER, type RelayFolder } from './relay-folder.ts';
import type { Replicas } from './replicas.ts';

export interface SavingOptions {
  readonly folder: RelayFolder;
  readonly replicas: Pick<Replicas, 'takeChanged'>;
  readonly images: Pick<ReplicaService, 'image'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** The interval at which campaigns that have changed are stored, in milliseconds. */
const SAVE_EVERY_MS = 5_000;
/** The relay itself, as the one who reads its campaigns. */
const SELF: Identity = { id: 'relay', grants: {}, relaysAll: true };

/** Stores what has changed, once in a while and at the end. */
export function startSaving({ folder, replicas, images, logger }: SavingOptions): { stop(): Promise<void> } {
  if (folder === NO_FOLDER) return { stop: async () => undefined };
  let running: Promise<void> = Promise.resolve();

  const save = async (): Promise<void> => {
    for (const campaignId of replicas.takeChanged()) {
      try {
        const image = await images.image({ identity: SELF, correlationId: 'saving' }, campaignId);
        await folder.saveImage(campaignId, image);
      } catch (error) {
        logger.warn({ err: error, campaignId }, 'what was last seen of a campaign could not be stored');
      }
    }
  };
  const timer = setInterval(() => {
    running = running.then(save);
  }, SAVE_EVERY_MS);
  timer.unref();

  return {
    async stop() {
      clearInterval(timer);
      await running;
      await save();
    },
  };
}
