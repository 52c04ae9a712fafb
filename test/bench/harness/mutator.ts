import { nowMicros, type LoadCommand, type Mutated } from './messages.ts';
import { protocolNamed, type Sent } from './protocols.ts';
import { tokenOf } from './token.ts';
import { openSocket, sample, textOf } from './watchers.ts';

/** Sends mutations on one connection, and looks for each one's answer. */
export async function mutate({
  protocol: name,
  port,
  count,
  window,
  secret,
  durable,
  push,
}: Extract<LoadCommand, { type: 'mutate' }>): Promise<Mutated> {
  const protocol = protocolNamed(name);
  const { positionIn } = protocol;
  let position: string | undefined;
  const makeMutation = (id: number): Sent => {
    const made = push === undefined ? protocol.mutation?.(id, durable === true) : protocol.push?.(id, push, position);
    if (!made) throw new Error(`${name} has no ${push === undefined ? 'mutation' : 'push'}`);
    return made;
  };
  const session = { token: secret === undefined ? undefined : tokenOf('writer', secret), resumeId: undefined };
  const socket = openSocket(protocol, port, (await protocol.reserve?.(port)) ?? protocol.path);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const waiting = new Map<number, { isAnswer(frame: string): boolean; sentAt: number }>();
  const latencies: number[] = [];
  let sent = 0;
  let startedAt = 0;

  const send = (): void => {
    while (sent < count && waiting.size < window) {
      sent += 1;
      const { frame, isAnswer } = makeMutation(sent);
      waiting.set(sent, { isAnswer, sentAt: nowMicros() });
      socket.send(frame);
    }
  };

  /** Answers come in order or nearly so: the oldest are looked at first. */
  const takeAnswer = (text: string): void => {
    for (const [id, { isAnswer, sentAt }] of waiting) {
      if (!isAnswer(text)) continue;
      if (text.includes('"error"')) return reject(new Error(`a mutation was refused: ${text.slice(0, 300)}`));
      waiting.delete(id);
      if (push !== undefined) position = positionIn?.(text);
      latencies.push(nowMicros() - sentAt);
      break;
    }
    if (latencies.length === count) resolve();
    else send();
  };

  const begin = (frame: string | undefined): void => {
    if (protocol.prepare?.(socket, frame, session) === false) return;
    startedAt = performance.now();
    send();
  };

  socket.on('open', () => begin(undefined));
  socket.on('message', (data, isBinary) => {
    const text = textOf(data, isBinary);
    if (protocol.housekeeping?.(socket, text) === true) return;
    if (startedAt === 0) begin(text);
    else takeAnswer(text);
  });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('the server closed the connection')));
  await promise;
  const seconds = (performance.now() - startedAt) / 1_000;
  socket.removeAllListeners('close');
  socket.terminate();
  return { seconds, latencies: sample(latencies.sort((a, b) => a - b)) };
}
