// What a test hands over by the standard input, and how its result goes back by the standard output.

import { json } from 'node:stream/consumers';

export const setting = await json(process.stdin);
export const headers = { authorization: `Bearer ${setting.token}` };

export function report(result) {
  process.stdout.write(JSON.stringify(result));
}
