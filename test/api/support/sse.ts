/** One event of a text/event-stream. */
export interface ServerEvent {
  event?: string;
  id?: string;
  data: string;
}

/** Reads a stream of server-sent events until it ends, in whatever way. */
export async function* openEvents(url: string, headers: Record<string, string>): AsyncGenerator<ServerEvent> {
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } });
  const decoder = new TextDecoder();
  let buffer = '';
  try {
    for await (const chunk of response.body ?? []) {
      buffer += decoder.decode(chunk, { stream: true });
      for (let end = buffer.indexOf('\n\n'); end !== -1; end = buffer.indexOf('\n\n')) {
        const block = buffer.slice(0, end).trim();
        buffer = buffer.slice(end + 2);
        if (block !== '') yield toEvent(block);
      }
    }
  } catch {
    // Cut off in the middle: whoever reads connects again.
  }
}

function toEvent(block: string): ServerEvent {
  const result: ServerEvent = { data: '' };
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    const [field, value] = [line.slice(0, colon), line.slice(colon + 2)];
    if (field === 'data') result.data += value;
    else if (field === 'id') result.id = value;
    else if (field === 'event') result.event = value;
  }
  return result;
}
