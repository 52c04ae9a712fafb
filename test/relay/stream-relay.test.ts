import { describe } from 'vitest';
import { describeStream } from '../api/procedures/stream-suite.ts';
import { behindRelays } from './support/relay.ts';

describe('through a relay', () => describeStream('rooms', behindRelays));

describe('through a chain of two', () =>
  describeStream('rooms', (origin, options) => behindRelays(origin, options, 2)));
