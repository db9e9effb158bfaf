// How operations are sent: over HTTP, subscriptions over a socket of their own.

import type { Fetcher, FetcherOpts, FetcherParams } from '@graphiql/toolkit';
import { getOperationAST, type ExecutionResult } from 'graphql';
import { createClient, type SubscribePayload } from 'graphql-ws';

type Headers = Record<string, string>;

const NO_TOKEN = 'Type a token at the top right, or send an Authorization header. `boreas token create` makes one.';

/** Returns what sends operations to an address, with the token of that moment unless the headers editor has one. */
export function createFetcher(address: URL, token: () => string): Fetcher {
  return (params, options) => {
    const headers = withToken(options?.headers ?? {}, token());
    if (!('authorization' in headers)) return { errors: [{ message: NO_TOKEN }] } as unknown as ExecutionResult;
    return isSubscription(params, options) ? follow(address, headers, params) : send(address, headers, params);
  };
}

function withToken(given: Headers, token: string): Headers {
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  return token === '' || 'authorization' in headers ? headers : { ...headers, authorization: `Bearer ${token}` };
}

function isSubscription({ operationName }: FetcherParams, options: FetcherOpts | undefined): boolean {
  const document = options?.documentAST;
  return document !== undefined && getOperationAST(document, operationName)?.operation === 'subscription';
}

async function send(address: URL, headers: Headers, params: FetcherParams): Promise<ExecutionResult> {
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(params),
    credentials: 'omit',
  });
  return (await answer.json()) as ExecutionResult;
}

/** Follows a subscription over a socket, which ends with it. What stops the one closes the other at once. */
function follow(address: URL, headers: Headers, params: FetcherParams): AsyncIterableIterator<ExecutionResult> {
  const url = new URL(address);
  url.protocol = url.protocol.replace('http', 'ws');
  const client = createClient({ url: url.href, connectionParams: headers, retryAttempts: 0 });
  const results = client.iterate(params as SubscribePayload) as AsyncIterableIterator<ExecutionResult>;
  return {
    next: () => results.next().catch((error: unknown) => Promise.reject(told(error))),
    return: async () => {
      await client.dispose();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Returns an error that says why a socket was closed. */
function told(error: unknown): unknown {
  return error instanceof CloseEvent ? new Error(`${error.reason || 'The socket was closed'} (${error.code})`) : error;
}
