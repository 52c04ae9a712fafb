/** Lets sockets, microtasks and the tRPC client's own zero timers go on, without moving the manual clock. */
export const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, 2));
