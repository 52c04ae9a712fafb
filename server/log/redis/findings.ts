/**
 * What a Redis lacks to be a log, one sentence each: `refusals` keep the server from starting. Apart from the checks,
 * so that the package's declarations do not name the driver.
 */
export interface RedisFindings {
  readonly refusals: string[];
  readonly warnings: string[];
}
