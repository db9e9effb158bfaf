// Follows a feed with graphql-sse in the mode of distinct connections.

import { createClient } from 'graphql-sse';
import { followResuming } from './feed.mjs';
import { resuming } from './resuming.mjs';
import { headers, setting } from './setting.mjs';

const client = createClient({
  url: setting.url,
  headers,
  singleConnection: false,
  retryAttempts: 20,
  retry: async () => {},
});

await followResuming(resuming(client));
client.dispose();
