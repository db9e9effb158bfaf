// Follows a feed to its end with a client that reconnects by itself, and goes on from the last cursor that it has seen.

import { report, setting } from './setting.mjs';

export function follow(client) {
  const { field, list, document, id } = setting;
  const items = [];
  let cursor = null;
  // Clients write the variables down anew for every connection: a getter gives each of them the cursor of that moment.
  const variables = { id, get after() { return cursor; } };
  return new Promise((resolve, reject) => {
    client.subscribe({ query: document, variables }, {
      next: ({ data, errors }) => {
        if (errors) return reject(new Error(JSON.stringify(errors)));
        items.push(...data[field][list]);
        cursor = data[field].cursor;
      },
      error: reject,
      complete: () => resolve(items),
    });
  }).then(report);
}
