// Feeds that go on where they broke, for whatever uses a client of graphql-ws or graphql-sse: both send the variables
// anew with each connection, so the last cursor is put among them.
//
// Apollo Client: new GraphQLWsLink(resuming(createClient({ … })))
// urql: subscriptionExchange({ forwardSubscription: (request) => ({ subscribe: (sink) => ({
//   unsubscribe: client.subscribe(request, sink) }) }) }), with client = resuming(createClient({ … }))

export function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const variables = { ...payload.variables };
      const next = (result) => {
        const cursor = Object.values(result.data ?? {})[0]?.cursor;
        if (cursor) variables.after = cursor;
        sink.next(result);
      };
      const error = (reason) => sink.error(reason);
      return client.subscribe({ ...payload, variables }, { next, error, complete: () => sink.complete() });
    },
  };
}
