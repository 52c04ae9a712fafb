import { setTimeout as pause } from 'node:timers/promises';
import { readFailure } from '../../client-sdk/src/errors.ts';
import type { Actor } from './actor.ts';
import { over, readCampaigns, SLEEPERS, WATCHED } from './campaigns.ts';
import { gather, lostMutations } from './evidence.ts';
import type { Journal } from './journal.ts';
import type { World } from './world.ts';

/** Waits until Postgres, every instance, every relay and every client stand at one place in each campaign (G9). */
export async function convergence(world: World, actors: readonly Actor[], timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const apart: string[] = [];
    for (const { campaignId, head } of await readCampaigns(world)) {
      const wanted = `${head.epoch}:${head.version}`;
      for (const instance of [...world.instances, ...world.relays]) {
        const { epoch, version, durableVersion } = await answered(
          () => over(instance).campaign.get.query({ campaignId }),
          until,
        );
        if (`${epoch}:${version}` === wanted && durableVersion === version) continue;
        apart.push(
          `${instance.name} ${campaignId} ${epoch}:${version} (${durableVersion} durable) instead of ${wanted}`,
        );
      }
      for (const actor of actors) {
        const at = actor.watched.includes(campaignId) ? actor.position(campaignId) : wanted;
        if (at?.split(':')[1] !== String(head.version))
          apart.push(`${actor.name} ${campaignId} ${at} instead of ${wanted}`);
      }
    }
    if (apart.length === 0) return;
    if (performance.now() > until)
      throw new Error(`${timeoutMs / 1_000} s after the last change, still apart:\n${apart.join('\n')}`);
    await pause(100);
  }
}

/**
 * Writes into the journal what every instance and every relay shows in the end. A campaign that nobody watches is
 * loaded for that: an instance whose link to Redis is being made anew says to try again, as it does to every client.
 */
export async function concludeServers(
  { instances, relays }: World,
  journal: Journal,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const instance of [...instances, ...relays]) {
    for (const campaignId of [...WATCHED, ...SLEEPERS]) {
      const { epoch, version, state } = await answered(
        () => over(instance).campaign.get.query({ campaignId }),
        deadline,
      );
      journal.note(instance.name, campaignId, { kind: 'final', position: `${epoch}:${version}`, state });
    }
  }
}

/** The answer to a call, which is made again while it is refused for now. */
async function answered<T>(call: () => Promise<T>, deadline: number): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      if (!readFailure(thrown).error.retryable || performance.now() > deadline) throw thrown;
      await pause(100);
    }
  }
}

/** Asks the service for the position of each acknowledged change that is gone: it must say that it is. */
export async function disown(world: World, journal: Journal): Promise<void> {
  const [instance] = world.instances;
  for (const evidence of gather(journal, await readCampaigns(world))) {
    const { campaignId } = evidence.held;
    for (const { mutationId, client, answers } of lostMutations(evidence)) {
      const position = answers.find(({ receipt }) => receipt.changed)?.receipt.position;
      if (!instance || position === undefined) continue;
      const reason = await over(instance)
        .campaign.whenDurable.query({ campaignId, position })
        .then(
          () => 'DURABLE',
          (thrown: unknown) => readFailure(thrown).error.reason,
        );
      journal.note(client, campaignId, { kind: 'disowned', mutationId, position, reason });
    }
  }
}
