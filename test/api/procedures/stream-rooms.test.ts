import { describeStream } from './stream-suite.ts';

describeStream('rooms');
