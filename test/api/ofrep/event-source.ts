import { EventSourceParserStream } from 'eventsource-parser/stream';

/** `EventSource` as a browser has it, as far as providers use it: Node has none without a flag. */
export class EventSource extends EventTarget {
  readyState = 0;
  readonly #aborted = new AbortController();

  constructor(url: string) {
    super();
    void this.#read(url);
  }

  close(): void {
    this.readyState = 2;
    this.#aborted.abort();
  }

  async #read(url: string): Promise<void> {
    try {
      const response = await fetch(url, { signal: this.#aborted.signal });
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
      const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      for await (const { data } of events) this.dispatchEvent(new MessageEvent('message', { data }));
    } catch {
      this.readyState = 2;
      if (!this.#aborted.signal.aborted) this.dispatchEvent(new Event('error'));
    }
  }
}
