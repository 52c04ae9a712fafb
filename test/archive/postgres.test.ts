import { inject } from 'vitest';
import { openPostgresArchive } from '../../server/archive/index.ts';
import { archiveContract } from './contract.ts';
import { freshNamespace } from './namespace.ts';

archiveContract('Postgres', () => {
  const { namespace, drop } = freshNamespace();
  return Promise.resolve({
    shared: true,
    open: ({ soleUser }) => openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4, ...(soleUser ? { exclusive: {} } : {}) }),
    dispose: drop,
  });
});
