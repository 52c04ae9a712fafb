import type { TcpProxy } from '../../support/tcp-proxy.ts';
import type { Fault, Inflicted } from '../faults.ts';
import type { Relay } from './relay.ts';

/** Something about one relay. */
function onRelay(
  name: string,
  inflict: (relay: Relay) => Promise<Inflicted['heal']> | Inflicted['heal'],
  lasts?: 'long',
): Fault {
  return {
    name,
    wants: 'relay',
    ...(lasts && { lasts }),
    async inflict({ world, random }) {
      // A world without any has nothing that could be hurt.
      if (world.relays.length === 0) return { detail: 'there is none', heal: () => undefined };
      const relay = random.pick(world.relays);
      return { detail: relay.name, heal: await inflict(relay) };
    },
  };
}

/** Something about the link between one relay and its upstream. */
function onUpstream(name: string, harm: (link: TcpProxy) => void): Fault {
  return onRelay(`${name} upstream of a relay`, ({ upstream }) => {
    harm(upstream);
    return () => upstream.restore();
  });
}

/** What may happen to relays, and to what stands between them and their upstream. */
export const RELAY_FAULTS: readonly Fault[] = [
  onRelay('kill -9 a relay', async (relay) => {
    await relay.kill();
    return () => relay.start();
  }),
  onRelay('restart a relay', async (relay) => {
    await relay.terminate();
    return () => relay.start();
  }),
  onRelay(
    'stop a relay',
    (relay) => {
      relay.pause();
      return () => relay.resume();
    },
    'long',
  ),
  onUpstream('cut', (link) => link.cut()),
  onUpstream('partition from', (link) => link.sever()),
  onUpstream('half-open link to', (link) => link.freeze()),
  onUpstream('lost replies of', (link) => link.dropReplies()),
  onUpstream('stalled link to', (link) => link.stall()),
  onUpstream('slow link to', (link) => link.delay(150)),
];
