import { Counter, Gauge, type Registry } from 'prom-client';

/** Figures of a relay, beside those of every server. */
export interface RelayMetrics {
  onConnected(): void;
  onBytes(bytes: number): void;
  /** Upstream has sent what cannot be right. */
  onDistrusted(): void;
}

export function createRelayMetrics(registry: Registry, isUp: () => boolean): RelayMetrics {
  const registers = [registry];
  new Gauge({
    name: 'campaign_state_upstream_up',
    help: 'Whether the upstream of this relay is there',
    registers,
    collect() {
      this.set(isUp() ? 1 : 0);
    },
  });
  const connections = new Counter({
    name: 'campaign_state_upstream_connections_total',
    help: 'Connections to upstream since the start',
    registers,
  });
  const bytes = new Counter({
    name: 'campaign_state_upstream_received_bytes_total',
    help: 'Bytes received from upstream',
    registers,
  });
  const distrusted = new Counter({
    name: 'campaign_state_upstream_distrusted_total',
    help: 'Streams of upstream that were opened anew because what came could not be right',
    registers,
  });
  return {
    onConnected: () => connections.inc(),
    onBytes: (received) => bytes.inc(received),
    onDistrusted: () => distrusted.inc(),
  };
}
