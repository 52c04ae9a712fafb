import type { Entry } from '../../../core/stream/entry.ts';
import { formatPosition, parsePosition } from '../../../core/stream/position.ts';
import { proofAfter, type ReplicaEvent, type ReplicaMessage } from '../../../core/stream/replica.ts';
import type { Caller, ResumableEvent } from '../../../engine/service.ts';
import type { CallContext } from '../run-call.ts';

/**
 * The stream of one campaign to a relay: that of a reader who sees everything, with an image in the place of each
 * snapshot, and where the epoch is another one, so that the relay knows the timeline. An image may be newer than the
 * snapshot that it stands for: the relay passes over the entries that it has.
 */
export function replicaStream(
  ctx: CallContext,
  caller: Caller,
  { campaignId, position }: { readonly campaignId: string; readonly position?: string },
): AsyncIterator<ReplicaMessage> {
  const { replicas } = ctx.service;
  let proof = '';
  let epoch = position === undefined ? undefined : parsePosition(position)?.epoch;
  let source: AsyncIterator<ResumableEvent> | undefined;
  let isOver = false;

  const open = (from: string): void => {
    source = replicas.watch(caller, ctx.connection, { campaignId, position: from });
    // It may have ended while the image was made.
    if (isOver) void source.return?.();
  };

  const image = async (): Promise<ReplicaEvent> => {
    const made = await replicas.image(caller, campaignId);
    epoch = made.epoch;
    if (!source) open(formatPosition(made.epoch, made.version));
    return made;
  };

  const toReplica = ({ event }: ResumableEvent): ReplicaEvent | Promise<ReplicaEvent> => {
    if (event.type === 'durable') return event;
    if (event.type === 'snapshot' || event.epoch !== epoch) return image();
    // Whoever sees everything is sent entries as they are.
    const entries = event.entries as readonly Entry[];
    return { type: 'entries', epoch: event.epoch, entries, ...(event.stale && { stale: true }) };
  };

  const send = (event: ReplicaEvent): IteratorResult<ReplicaMessage> => {
    proof = proofAfter(proof, event);
    return { done: false, value: { proof, event } };
  };

  return {
    async next() {
      if (!source) {
        if (position === undefined) return send(await image());
        open(position);
      }
      const result = await source?.next();
      if (!result || result.done === true) return { done: true, value: undefined };
      return send(await toReplica(result.value));
    },
    async return() {
      isOver = true;
      await source?.return?.();
      return { done: true, value: undefined };
    },
  };
}
