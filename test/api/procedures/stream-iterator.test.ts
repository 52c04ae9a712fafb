import { describeStream } from './stream-suite.ts';

describeStream('iterator');
