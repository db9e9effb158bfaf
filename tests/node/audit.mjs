// Runs the whole server audit of graphql-http against an endpoint that wants a token.

import { auditServer } from 'graphql-http';
import { headers, report, setting } from './setting.mjs';

const results = await auditServer({
  url: setting.url,
  fetchFn: (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
});

report(results.map(({ id, name, status, reason }) => ({ id, name, status, reason: reason ?? null })));
