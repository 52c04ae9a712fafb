/** Loaded before a server: its clock is wrong by `CLOCK_SKEW_MS`, as clocks of machines without a time service are. */
const skew = Number(process.env['CLOCK_SKEW_MS'] ?? '0');
const now = Date.now;
Date.now = () => now() + skew;
