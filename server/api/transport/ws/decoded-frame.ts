/** Messages of ws frames that were parsed before tRPC's adapter sees them, by the frame that it is given instead. */
const messagesByFrame = new WeakMap<Uint8Array, readonly unknown[]>();

/** A frame for tRPC's adapter that stands for parsed messages: a frame of many is worked off in slices. */
export function decodedFrame(messages: readonly unknown[]): Buffer {
  const frame = Buffer.alloc(0);
  messagesByFrame.set(frame, messages);
  return frame;
}

/** The messages that such a frame stands for; `undefined` for what a client sent. */
export function messagesOf(frame: string | ArrayBuffer | Uint8Array): readonly unknown[] | undefined {
  return frame instanceof Uint8Array ? messagesByFrame.get(frame) : undefined;
}
