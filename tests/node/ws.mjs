// Follows a feed with graphql-ws: a lazy client, which opens its socket for the subscription.

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { follow } from './feed.mjs';
import { headers, setting } from './setting.mjs';

// Uncompressed, so that a test can say after how many bytes a connection breaks.
class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { perMessageDeflate: false });
  }
}

const client = createClient({
  url: setting.url.replace(/^http/, 'ws'),
  webSocketImpl: Socket,
  connectionParams: headers,
  lazy: true,
  retryAttempts: 20,
  retryWait: async () => {},
});

await follow(client);
await client.dispose();
