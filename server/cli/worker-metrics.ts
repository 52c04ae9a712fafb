import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { AggregatorRegistry, type Registry } from 'prom-client';
import type { ScrapedMetrics } from '../api/observability/health.ts';
import { tell } from './tell-worker.ts';

/** The metrics of a primary and its workers, each with the label `process`: whoever sums them says so. */
export interface MetricsExchange {
  /** Those of all processes, with the registry of the primary's own. */
  scrape(registry: Registry): ScrapedMetrics;
  add(worker: Worker, number: number): void;
  remove(worker: Worker): void;
  stop(): void;
}

type Figures = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** What the processes say to each other. */
type Message =
  /** A worker wants the metrics of all; the primary wants those of a worker. */
  | { readonly kind: 'metrics'; readonly id: number }
  | { readonly kind: 'text'; readonly id: number; readonly text: string }
  | { readonly kind: 'figures'; readonly id: number; readonly figures: Figures };

/** How long a process may take to say its figures, in milliseconds; one that is busy for longer is left out. */
const TIMEOUT_MS = 1_000;

/** The exchange of the primary. */
export function createMetricsExchange(): MetricsExchange {
  const workers = new Map<Worker, number>();
  const waiting = new Map<number, (figures: Figures | undefined) => void>();
  let own: Registry | undefined;
  let ids = 0;

  const ask = (worker: Worker): Promise<Figures | undefined> =>
    new Promise((resolve) => {
      const id = (ids += 1);
      const timer = setTimeout(() => waiting.get(id)?.(undefined), TIMEOUT_MS);
      waiting.set(id, (figures) => {
        clearTimeout(timer);
        waiting.delete(id);
        resolve(figures);
      });
      tell(worker, { kind: 'metrics', id } satisfies Message, () => waiting.get(id)?.(undefined));
    });

  const text = async (): Promise<string> => {
    const figures = await Promise.all([own?.getMetricsAsJSON(), ...[...workers.keys()].map(ask)]);
    return AggregatorRegistry.aggregate(figures.filter((known) => known !== undefined)).metrics();
  };

  const onMessage = (worker: Worker, message: unknown): void => {
    if (!isMessage(message)) return;
    if (message.kind === 'figures') waiting.get(message.id)?.(message.figures);
    if (message.kind !== 'metrics') return;
    const { id } = message;
    // Figures that cannot be collected are not answered, and the worker says so when its time is over.
    void text().then(
      (made) => tell(worker, { kind: 'text', id, text: made } satisfies Message),
      () => undefined,
    );
  };

  return {
    scrape(registry) {
      own = registry;
      registry.setDefaultLabels({ process: 'primary' });
      return { contentType: registry.contentType, metrics: text };
    },
    add(worker, number) {
      workers.set(worker, number);
      worker.on('message', (message: unknown) => onMessage(worker, message));
    },
    remove(worker) {
      workers.delete(worker);
    },
    stop() {
      for (const settle of waiting.values()) settle(undefined);
    },
  };
}

/** The metrics of all processes, as a worker answers with them. */
export function workerMetrics(number: number): (registry: Registry) => ScrapedMetrics {
  return (registry) => {
    registry.setDefaultLabels({ process: `worker ${number}` });
    const waiting = new Map<number, (text: string) => void>();
    let ids = 0;
    const send = (message: Message): void => {
      if (cluster.worker) tell(cluster.worker, message);
    };
    cluster.worker?.on('message', (message: unknown) => {
      if (!isMessage(message)) return;
      if (message.kind === 'text') waiting.get(message.id)?.(message.text);
      if (message.kind !== 'metrics') return;
      const { id } = message;
      void registry.getMetricsAsJSON().then(
        (figures) => send({ kind: 'figures', id, figures }),
        () => undefined,
      );
    });
    const metrics = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const id = (ids += 1);
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error('the primary does not say the metrics'));
        }, TIMEOUT_MS * 2);
        waiting.set(id, (text) => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve(text);
        });
        send({ kind: 'metrics', id });
      });
    return { contentType: registry.contentType, metrics };
  };
}

function isMessage(message: unknown): message is Message {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    (message.kind === 'metrics' || message.kind === 'text' || message.kind === 'figures')
  );
}
