import type { Logger } from 'pino';
import { isLoopback } from './origin.ts';

/** Refuses a host that other machines reach without a key, and warns of a loopback one. */
export function checkMissingKey(host: string, insecure: boolean, logger: Logger): void {
  if (isLoopback(host)) {
    logger.warn({ host }, 'no AUTH_SECRET: every caller on this machine is the development admin "dev"');
    return;
  }
  if (!insecure) {
    throw new Error(
      `Without AUTH_SECRET or AUTH_JWKS_URL only a loopback HOST is served, not ${host}; AUTH_MODE=insecure allows it`,
    );
  }
  logger.warn({ host }, 'AUTH_MODE=insecure: every caller from any machine is an admin');
}
