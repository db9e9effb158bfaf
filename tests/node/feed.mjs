// Follows a feed to its end with a client that reconnects by itself, and goes on from the last cursor that it has seen.

import { report, setting } from './setting.mjs';

/** Follows a feed with variables that know the cursor: clients write them down anew for every connection. */
export function follow(client) {
  let cursor = null;
  const variables = { id: setting.id, get after() { return cursor; } };
  return collect(client, variables, (payload) => { cursor = payload.cursor; }).then(report);
}

/** Follows a feed with a client that sees to the cursor itself. */
export function followResuming(client) {
  return collect(client, { id: setting.id }, () => {}).then(report);
}

function collect(client, variables, seen) {
  const { field, list, document } = setting;
  const items = [];
  return new Promise((resolve, reject) => {
    client.subscribe({ query: document, variables }, {
      next: ({ data, errors }) => {
        if (errors) return reject(new Error(JSON.stringify(errors)));
        items.push(...data[field][list]);
        seen(data[field]);
      },
      error: reject,
      complete: () => resolve(items),
    });
  });
}
