/** A place in the order of arrival. */
export interface Ticket {
    /** Resolves once every earlier ticket has been released; `undefined` when that is so already. */
    turn(): Promise<void> | undefined;
    /** Lets the next one pass. May be called early, late or twice; only the first time counts. */
    release(): void;
}
/**
 * Keeps the order of arrival. tRPC handles the messages of one connection concurrently, so that of two mutations the second reaches
 * the engine first if the first one's middleware waits longer. Who takes a ticket at arrival and waits for its turn before it calls
 * the engine is safe from that, and pays nothing where nobody is before it.
 */
export interface OrderLane {
    take(): Ticket;
}
export declare function createOrderLane(): OrderLane;
