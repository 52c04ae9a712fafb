import { createParser, type EventSourceMessage } from 'eventsource-parser';

/**
 * The events of a `text/event-stream` as `fetch` brings it: with headers of its own and a status to see, neither of
 * which `EventSource` has.
 *
 * Reads with a reader instead of `TextDecoderStream` and `for await`, which not every browser has for streams.
 *
 * @param onChunk called whenever bytes arrive, also those of comments and of unfinished events
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  onChunk: () => void = () => {},
): AsyncGenerator<EventSourceMessage, void, undefined> {
  let parsed: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => parsed.push(event) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onChunk();
      parser.feed(decoder.decode(value, { stream: true }));
      const events = parsed;
      parsed = [];
      yield* events;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
