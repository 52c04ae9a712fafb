/** For `vi.waitFor` and its like: when what is polled counts as hanging. A machine under load is slow, not wrong. */
export const WAIT = { timeout: 60_000, interval: 10 };
